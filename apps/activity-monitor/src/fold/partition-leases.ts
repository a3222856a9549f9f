import { sql, type Kysely } from 'kysely';
import { partitionShare, shareChange } from './partition-shares.js';

/** An instance that was not heard for so long is taken for dead; it says that it lives once a second. */
const SILENT_AFTER = '3 seconds';

/**
 * Which partitions of people this instance folds. Who lives stands in `monitor.members`, by the database's clock; each takes his share of
 * what nobody alive has. A lease is a courtesy that keeps two from doing the same work: what they do is fenced by the checkpoints.
 */
export class PartitionLeases {
  readonly #db: Kysely<unknown>;
  readonly #instance: string;

  /** `instance`: a name that no other process has, nor this one after a restart. */
  constructor(db: Kysely<unknown>, instance: string) {
    this.#db = db;
    this.#instance = instance;
  }

  /** Says that this instance lives and takes what is its share and free. `keep` is what to fold, `give` what to `release` once it is let go. */
  async renew(): Promise<{ readonly keep: readonly number[]; readonly give: readonly number[] }> {
    const instance = this.#instance;
    return this.#db.transaction().execute(async (trx) => {
      await sql`
        INSERT INTO monitor.members (instance, seen_at) VALUES (${instance}, clock_timestamp())
        ON CONFLICT (instance) DO UPDATE SET seen_at = excluded.seen_at`.execute(trx);
      const { rows } = await sql<{ instance: string; is_live: boolean }>`
        SELECT instance, seen_at > clock_timestamp() - interval '${sql.raw(SILENT_AFTER)}' AS is_live FROM monitor.members`.execute(
        trx,
      );
      const live = rows.filter((row) => row.is_live).map((row) => row.instance);
      const wanted = partitionShare(instance, live);
      const dead = rows.filter((row) => !row.is_live).map((row) => row.instance);
      await sql`
        UPDATE monitor.partition_leases SET owner = ${instance}
        WHERE partition = ANY (${wanted}::integer[]) AND (owner IS NULL OR owner <> ALL (${[...live, instance]}::text[]))`.execute(
        trx,
      );
      if (dead.length > 0) {
        await sql`DELETE FROM monitor.members
          WHERE instance = ANY (${dead}::text[]) AND seen_at < clock_timestamp() - interval '1 minute'`.execute(trx);
      }
      const owned = await sql<{ partition: number }>`
        SELECT partition FROM monitor.partition_leases WHERE owner = ${instance} ORDER BY partition`.execute(trx);
      return shareChange(
        owned.rows.map((row) => row.partition),
        wanted,
      );
    });
  }

  /** Gives partitions up, for whoever should have them. */
  async release(partitions: readonly number[]): Promise<void> {
    await sql`UPDATE monitor.partition_leases SET owner = NULL
      WHERE owner = ${this.#instance} AND partition = ANY (${partitions}::integer[])`.execute(this.#db);
  }

  /** Gives everything up; the others need not wait until this instance counts as dead. */
  async leave(): Promise<void> {
    await sql`UPDATE monitor.partition_leases SET owner = NULL WHERE owner = ${this.#instance}`.execute(this.#db);
    await sql`DELETE FROM monitor.members WHERE instance = ${this.#instance}`.execute(this.#db);
  }
}
