import { sql, type Kysely, type Migration } from 'kysely';

export const secondFactors: Migration = {
  async up(db: Kysely<never>) {
    await sql`
      CREATE TABLE access.second_factors (
        user_id uuid PRIMARY KEY,
        sealed_secret text NOT NULL,
        last_step bigint NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        confirmed_at timestamptz
      )`.execute(db);
    await sql`
      CREATE TABLE access.recovery_codes (
        code_hash bytea PRIMARY KEY CHECK (length(code_hash) = 32),
        user_id uuid NOT NULL,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        used_at timestamptz
      )`.execute(db);
    await sql`CREATE INDEX ON access.recovery_codes (user_id)`.execute(db);
    // Who fails at the second factor knows the password: such failures are counted by themselves as well.
    await sql`ALTER TABLE access.sign_in_failures ADD COLUMN at_second_factor boolean NOT NULL DEFAULT false`.execute(db);
  },
};
