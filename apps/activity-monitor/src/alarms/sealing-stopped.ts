import { sql, type Kysely } from 'kysely';
import type { SealingStanding } from '#contracts';
import type { AlarmDraft } from './alarm-draft.js';
import { raiseAlarms } from './alarm-store.js';

/** Events are sealed within a second of their commit. Long transactions hold the sealer back too, those of a rebuild for minutes. */
const LATE_MS = 300_000;

/**
 * Raises `sealing.stopped` when the chain of signed heads cannot go on, or has not for five minutes while events wait: what is changed in the
 * log from then on would not show. Once for each seal that it stopped behind. Returns how many were raised.
 */
export async function raiseSealingStopped(db: Kysely<unknown>, sealing: SealingStanding | undefined): Promise<number> {
  if (sealing === undefined || (!sealing.stopped && sealing.behindMs < LATE_MS)) return 0;
  const key = `sealing.stopped|${sealing.number}`;
  const { rows } = await sql<{ at: string }>`
    SELECT watch.iso(clock_timestamp()) AS at WHERE NOT EXISTS (SELECT FROM monitor.alarms WHERE dedupe_key = ${key})`.execute(
    db,
  );
  const at = rows[0]?.at;
  if (at === undefined) return 0;
  const why = sealing.stopped ? 'The chain cannot go on' : 'Events wait for more than five minutes';
  const draft: AlarmDraft = {
    key,
    alarm: {
      ...{ type: 'sealing.stopped', severity: 'critical', at, userId: null },
      message: `The log is not sealed any more behind seal ${sealing.number}. ${why}; run npm run verify, and see the log of core.`,
    },
  };
  return (await db.transaction().execute((trx) => raiseAlarms(trx, [draft]))).length;
}
