import { sql, type Transaction } from 'kysely';
import type { Alarm } from '#contracts';
import type { UnreadFacts } from '../fold/checkpointed-follower.js';
import { raiseAlarms } from './alarm-store.js';

/**
 * Makes an alarm of facts that could not be read: what might have weakened or hidden something and cannot be judged is told of as if it
 * had. One for each batch, so that who puts rubbish on a stream gets few.
 */
export function alarmOfUnread(
  type: Alarm['type'],
  what: string,
): (trx: Transaction<unknown>, unread: UnreadFacts) => Promise<void> {
  return async (trx, { follower, incarnation, sequences }) => {
    const { rows } = await sql<{ at: string }>`SELECT watch.iso(clock_timestamp()) AS at`.execute(trx);
    const at = rows[0]?.at;
    if (at === undefined) throw new Error('the clock was not read');
    const message = `${what} (${sequences.length} facts could not be read). Look into the audit trail.`;
    await raiseAlarms(trx, [
      {
        key: `${type}|unread|${follower}|${incarnation}|${sequences[0]}`,
        alarm: { type, severity: 'critical', at, userId: null, message },
      },
    ]);
  };
}
