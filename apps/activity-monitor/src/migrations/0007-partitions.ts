import { sql, type Kysely, type Migration } from 'kysely';
import { WATCH_PARTITIONS } from '#contracts';

/** Several monitors share the people by partitions (ADR 26): who lives, and who has which partition. */
export const partitions: Migration = {
  async up(db: Kysely<never>) {
    await sql`CREATE TABLE monitor.members (instance text PRIMARY KEY, seen_at timestamptz NOT NULL)`.execute(db);
    await sql`CREATE TABLE monitor.partition_leases (partition integer PRIMARY KEY, owner text)`.execute(db);
    await sql`INSERT INTO monitor.partition_leases (partition) SELECT generate_series(0, ${sql.lit(WATCH_PARTITIONS - 1)})`.execute(
      db,
    );
    // As contracts: watchPartition.
    await sql`
      CREATE FUNCTION monitor.partition_of(p_user uuid) RETURNS integer LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
      RETURN get_byte(uuid_send(p_user), 15) % ${sql.lit(WATCH_PARTITIONS)}`.execute(db);
  },
};
