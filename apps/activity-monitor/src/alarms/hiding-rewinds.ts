import type { Transaction } from 'kysely';
import { z } from 'zod';
import type { Fact } from '#messaging';
import type { AlarmDraft } from './alarm-draft.js';
import { raiseAlarms } from './alarm-store.js';
import { LEVELS } from './mass-actions.js';

/** What the monitor needs of the fact that a rewind was started; the fact holds more. */
const rewindStartedSchema = z.object({
  id: z.uuid(),
  at: z.iso.datetime({ offset: true }),
  actorId: z.uuid().nullable(),
  hides: z.int().min(0),
});

/**
 * Raises `mass.deletion` for a rewind that hides as many records as would be told of had they been deleted one by one. No gate counts a
 * rewind; it undoes the creations of years with one command.
 */
export async function raiseHidingRewinds(trx: Transaction<unknown>, facts: readonly Fact[]): Promise<void> {
  await raiseAlarms(
    trx,
    facts.flatMap(({ payload }) => draftOf(payload)),
  );
}

function draftOf(payload: unknown): AlarmDraft[] {
  const parsed = rewindStartedSchema.safeParse(payload);
  const level = LEVELS['record.deleted'];
  if (!parsed.success || parsed.data.hides < level) return [];
  const { id, at, actorId: userId, hides: count } = parsed.data;
  const message = `One person hid ${count} records by a rewind.`;
  return [
    {
      key: `mass.deletion|${id}`,
      alarm: { type: 'mass.deletion', severity: 'critical', at, userId, measure: 'record.deleted', limit: level, count, message },
    },
  ];
}
