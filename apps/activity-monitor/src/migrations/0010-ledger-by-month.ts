import { sql, type Kysely, type Migration } from 'kysely';

/**
 * The ledger for years of rows. Rows stay where they are; key and indexes are made anew:
 *
 * - by time, for a period, and for a row to exist once (the time of a disclosure never changes);
 * - by person and by subject, in the order of a page;
 * - by person and subject, from which distinct subjects are counted without a sort: a million rows take half a second.
 *
 * Deletions and reassignments stand in the ledger for the alarm about them and are shown to nobody: an index of their own.
 */
const LEDGER_BY_MONTH = `
DROP INDEX monitor.exposure_person, monitor.exposure_subject;
ALTER TABLE monitor.exposure DROP CONSTRAINT exposure_pkey;
ALTER TABLE monitor.exposure ADD PRIMARY KEY (at, disclosure_id, subject_id);
CREATE INDEX exposure_person ON monitor.exposure (user_id, at, disclosure_id, subject_id)
  WHERE kind <> ALL ('{deletion,reassignment}');
CREATE INDEX exposure_person_subjects ON monitor.exposure (user_id, subject_id, at) WHERE kind <> ALL ('{deletion,reassignment}');
CREATE INDEX exposure_subject ON monitor.exposure (subject_id, at, disclosure_id, user_id)
  WHERE kind <> ALL ('{deletion,reassignment}');
CREATE INDEX exposure_acts ON monitor.exposure (user_id, measure, at) WHERE kind = ANY ('{deletion,reassignment}');

-- Makes the partition of the month (UTC) that holds an instant. Several monitors may ask at once: the lock lets one make it. It is made
-- apart and then attached, which holds up neither readers nor writers of the others.
CREATE OR REPLACE FUNCTION monitor.ensure_exposure_partition(p_at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  v_month timestamp := date_trunc('month', p_at AT TIME ZONE 'UTC');
  v_name text := 'exposure_' || to_char(v_month, 'YYYY_MM');
BEGIN
  IF to_regclass('monitor.' || v_name) IS NOT NULL THEN RETURN; END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('monitor.exposure', 0));
  -- Looked up as a row: the cache of names may not know yet what the last holder of the lock has made.
  IF EXISTS (SELECT FROM pg_class AS c WHERE c.relnamespace = 'monitor'::regnamespace AND c.relname = v_name) THEN RETURN; END IF;
  EXECUTE format('CREATE TABLE monitor.%I (LIKE monitor.exposure INCLUDING DEFAULTS)', v_name);
  EXECUTE format('ALTER TABLE monitor.exposure ATTACH PARTITION monitor.%I FOR VALUES FROM (%L) TO (%L)', v_name,
    v_month AT TIME ZONE 'UTC', (v_month + interval '1 month') AT TIME ZONE 'UTC');
END $$;

-- Drops the months that ended before an instant, whole; gives their names. Waits two seconds for whoever reads them, no longer.
CREATE FUNCTION monitor.drop_exposure_before(p_before timestamptz) RETURNS SETOF text
LANGUAGE plpgsql VOLATILE
SET lock_timeout = '2s'
AS $$
DECLARE
  v_name text;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('monitor.exposure', 0));
  FOR v_name IN
    SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'monitor.exposure'::regclass AND c.relname ~ '^exposure_[0-9]{4}_[0-9]{2}$'
      AND (to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month') AT TIME ZONE 'UTC' <= p_before
    ORDER BY c.relname
  LOOP
    EXECUTE format('DROP TABLE monitor.%I', v_name);
    RETURN NEXT v_name;
  END LOOP;
END $$;
`;

export const ledgerByMonth: Migration = {
  async up(db: Kysely<never>) {
    await sql.raw(LEDGER_BY_MONTH).execute(db);
  },
};
