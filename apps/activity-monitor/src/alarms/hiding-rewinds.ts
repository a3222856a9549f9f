import { sql, type Transaction } from 'kysely';
import { z } from 'zod';
import type { AlarmDraft } from './alarm-draft.js';
import { raiseAlarms } from './alarm-store.js';
import { LEVELS } from './mass-actions.js';

/** What the monitor needs of the fact that a rewind was started; the fact holds more. */
export const rewindStartedSchema = z.object({
  id: z.uuid(),
  at: z.iso.datetime({ offset: true }),
  actorId: z.uuid().nullable(),
  hides: z.int32().min(0),
});
type RewindStarted = z.output<typeof rewindStartedSchema>;

const LEVEL = LEVELS['record.deleted'];

/**
 * Raises `mass.deletion` for a rewind that hides as many records as would be told of had they been deleted one by one, or with which the
 * rewinds of one person do so within 24 hours. No gate counts a rewind; it undoes the creations of years with one command. By the day and
 * not by ten minutes: small ones, one after the other, are no way of working.
 */
export async function raiseHidingRewinds(trx: Transaction<unknown>, facts: readonly RewindStarted[]): Promise<void> {
  const drafts: AlarmDraft[] = [];
  for (const started of facts) {
    if (started.hides === 0) continue;
    const before = await hiddenBefore(trx, started);
    if (before === undefined) continue;
    const { id, at, actorId: userId, hides } = started;
    const sum = before + hides;
    const reachesBySum = before < LEVEL && sum >= LEVEL;
    if (hides < LEVEL && !reachesBySum) continue;
    const count = hides < LEVEL ? sum : hides;
    const message =
      hides < LEVEL ? `One person hid ${sum} records by rewinds within a day.` : `One person hid ${hides} records by a rewind.`;
    const about = { at, userId, measure: 'record.deleted', limit: LEVEL, count, message } as const;
    drafts.push({ key: `mass.deletion|${id}`, alarm: { type: 'mass.deletion', severity: 'critical', ...about } });
  }
  await raiseAlarms(trx, drafts);
}

/** Notes what a rewind hides, and says how much rewinds of the same person hid in the 24 hours before; undefined when it was noted already. */
async function hiddenBefore(trx: Transaction<unknown>, { id, at, actorId, hides }: RewindStarted): Promise<number | undefined> {
  const noted = await sql`
    INSERT INTO monitor.hiding_rewinds (id, at, user_id, hides) VALUES (${id}, ${at}, ${actorId}, ${hides}) ON CONFLICT DO NOTHING`.execute(
    trx,
  );
  if (noted.numAffectedRows !== 1n) return undefined;
  const { rows } = await sql<{ hidden: number }>`
    SELECT least(coalesce(sum(h.hides), 0), 1000000000)::integer AS hidden FROM monitor.hiding_rewinds AS h
    WHERE h.user_id IS NOT DISTINCT FROM ${actorId}::uuid AND h.id <> ${id}
      AND h.at > ${at}::timestamptz - interval '24 hours' AND h.at <= ${at}::timestamptz`.execute(trx);
  return rows[0]?.hidden ?? 0;
}
