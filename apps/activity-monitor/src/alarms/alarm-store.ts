import { sql, type Transaction } from 'kysely';
import { SUBJECTS } from '#contracts';
import type { AlarmDraft } from './alarm-draft.js';

/**
 * Stores alarms and puts them in the outbox; returns the ids of those that were new. One whose key is stored already is left out.
 *
 * Under a lock until the end of the transaction, so that of all monitors one at a time does so: readers resume after the id they saw
 * last, and ids must rise in the order of publishing, also when the clock they are made by was moved back. Call it last in a transaction.
 */
export async function raiseAlarms(trx: Transaction<unknown>, drafts: readonly AlarmDraft[]): Promise<readonly string[]> {
  const raised: string[] = [];
  if (drafts.length > 0) await sql`SELECT pg_advisory_xact_lock(hashtextextended('monitor-alarms', 0))`.execute(trx);
  for (const { key, alarm } of drafts) {
    const { rows } = await sql<{ id: string }>`
      WITH stored AS (
        INSERT INTO monitor.alarms (id, dedupe_key, alarm)
        SELECT n.id, ${key}, jsonb_build_object('id', n.id) || ${JSON.stringify(alarm)}::jsonb FROM (${nextId}) AS n
        ON CONFLICT (dedupe_key) DO NOTHING
        RETURNING id, alarm
      )
      INSERT INTO monitor.outbox (subject, msg_id, payload)
      SELECT ${SUBJECTS.alarm(alarm.type)}, s.id, s.alarm FROM stored AS s
      RETURNING msg_id AS id`.execute(trx);
    raised.push(...rows.map(({ id }) => id));
  }
  return raised;
}

/** A UUIDv7 of now, or of a millisecond after the newest alarm where that lies ahead. */
const nextId = sql`
  SELECT CASE WHEN newest.id >= fresh.id THEN uuidv7(uuid_extract_timestamp(newest.id) - clock_timestamp() + interval '1 millisecond')
    ELSE fresh.id END AS id
  FROM (SELECT uuidv7() AS id) AS fresh LEFT JOIN (SELECT a.id FROM monitor.alarms AS a ORDER BY a.id DESC LIMIT 1) AS newest ON true`;
