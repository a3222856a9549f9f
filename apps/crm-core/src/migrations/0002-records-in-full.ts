import { searchVector } from '#contracts';
import { sql, type Kysely, type Migration } from 'kysely';

/** Definitions of fields, and what is raised under the lock of their kind of record. */
async function customFields(db: Kysely<never>): Promise<void> {
  await sql`
    CREATE TABLE read.custom_fields (
      id uuid PRIMARY KEY,
      record_type text NOT NULL CHECK (record_type IN ('contact', 'company', 'deal')),
      name text NOT NULL,
      type text NOT NULL CHECK (type IN ('text', 'number', 'date', 'boolean', 'choice', 'phone')),
      choices text[],
      version integer NOT NULL
    )`.execute(db);
  await sql`
    CREATE FUNCTION read.require_custom_fields(p_record_type text, p_most integer) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      IF EXISTS (SELECT FROM read.custom_fields WHERE record_type = p_record_type GROUP BY name HAVING count(*) > 1) THEN
        RAISE EXCEPTION USING ERRCODE = 'PA015', MESSAGE = 'a custom field of this name is there already';
      END IF;
      IF (SELECT count(*) FROM read.custom_fields WHERE record_type = p_record_type) > p_most THEN
        RAISE EXCEPTION USING ERRCODE = 'PA016', MESSAGE = 'too many custom fields';
      END IF;
    END $$`.execute(db);
}

/** How deals end, and what is raised so that no deal stands in a stage that is not there. */
async function dealsAndStages(db: Kysely<never>): Promise<void> {
  await sql`ALTER TABLE read.deals ADD COLUMN lose_reason text`.execute(db);
  await sql`CREATE INDEX ON read.deals (stage_id, created_at DESC, id DESC)`.execute(db);
  await sql`
    CREATE FUNCTION read.require_stage(p_pipeline uuid, p_stage uuid) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_advisory_xact_lock_shared(hashtextextended('stages:' || p_pipeline, 0));
      IF NOT EXISTS (
        SELECT FROM read.pipelines AS p WHERE p.id = p_pipeline AND p.stages @> jsonb_build_array(jsonb_build_object('id', p_stage))
      ) THEN
        RAISE EXCEPTION USING ERRCODE = 'PA017', MESSAGE = 'the stage is not there any more';
      END IF;
    END $$`.execute(db);
  await sql`
    CREATE FUNCTION read.require_unused_stages(p_stages uuid[]) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      IF EXISTS (SELECT FROM read.deals AS d WHERE d.stage_id = ANY (p_stages)) THEN
        RAISE EXCEPTION USING ERRCODE = 'PA018', MESSAGE = 'deals stand in a stage that would go';
      END IF;
    END $$`.execute(db);
  await sql`
    CREATE FUNCTION read.require_pipelines(p_most integer) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      IF (SELECT count(*) FROM read.pipelines) > p_most THEN
        RAISE EXCEPTION USING ERRCODE = 'PA016', MESSAGE = 'too many pipelines';
      END IF;
    END $$`.execute(db);
}

/** Names and titles whose words are made at once. */
const BATCH = 5_000;

/** Words are made by `searchWords` from now on, not by PostgreSQL's parser; those of the rows that there are, too. */
async function search(db: Kysely<never>): Promise<void> {
  // A million rows take longer than the role's bounds for the work of a service.
  await sql`SELECT set_config('transaction_timeout', '0', true), set_config('statement_timeout', '0', true)`.execute(db);
  for (const [table, column] of [
    ['contacts', 'name'],
    ['companies', 'name'],
    ['deals', 'title'],
  ] as const) {
    const name = sql.table(`read.${table}`);
    await sql`ALTER TABLE ${name} ALTER COLUMN search DROP EXPRESSION`.execute(db);
    for (let after = NIL; ;) {
      const { rows } = await sql<{ id: string; text: string }>`
        SELECT id, ${sql.ref(column)} AS text FROM ${name} WHERE id > ${after}::uuid ORDER BY id LIMIT ${BATCH}`.execute(db);
      const last = rows.at(-1);
      if (last === undefined) break;
      after = last.id;
      const [ids, vectors] = [rows.map(({ id }) => id), rows.map(({ text }) => searchVector(text))];
      await sql`
        UPDATE ${name} AS r SET search = v.words::tsvector
        FROM unnest(${ids}::uuid[], ${vectors}::text[]) AS v(id, words) WHERE r.id = v.id`.execute(db);
    }
    await sql`ALTER TABLE ${name} ALTER COLUMN search SET NOT NULL`.execute(db);
  }
}
const NIL = '00000000-0000-0000-0000-000000000000';

/** Without an amount below every amount, as lists sort. */
async function amounts(db: Kysely<never>): Promise<void> {
  await sql`DROP INDEX read.deals_amount_id_idx`.execute(db);
  await sql`CREATE INDEX ON read.deals ((coalesce(amount, '-Infinity')), id)`.execute(db);
}

export const recordsInFull: Migration = {
  async up(db: Kysely<never>) {
    await customFields(db);
    await dealsAndStages(db);
    await amounts(db);
    await search(db);
  },
};
