import { sql, type Transaction } from 'kysely';
import { aboutLimit, type AlarmDraft } from './alarm-draft.js';
import { presentWindowing } from './present-windowing.js';
import type { GateEvent } from '../fold/gate-event.js';

/**
 * The alarm in place of a hold: a limit would have cut off the last active administrator, who is refused and never held. A later
 * attempt of a person who is held is not one of these.
 */
export async function unheldAdministratorAlarms(trx: Transaction<unknown>, refused: readonly GateEvent[]): Promise<AlarmDraft[]> {
  const candidates = refused.filter((event) => event.isAdmin && !event.held && event.refusedBy?.action === 'deactivate');
  if (candidates.length === 0) return [];
  const windowing = await presentWindowing(trx);
  const drafts: AlarmDraft[] = [];
  for (const event of candidates) {
    const { rows } = await sql`SELECT FROM watch.holds WHERE user_id = ${event.userId} AND epoch = ${event.epoch}`.execute(trx);
    if (rows.length > 0 || event.refusedBy === null) continue;
    const about = aboutLimit(event, event.refusedBy, windowing);
    const message = `The last active administrator is refused and not cut off: ${about.count} of ${about.limit} within the ${about.window} (${about.measure}).`;
    drafts.push({ key: `unheld|${event.id}`, alarm: { type: 'limit.exceeded', severity: 'critical', ...about, message } });
  }
  return drafts;
}
