import { sql, type Transaction } from 'kysely';
import type { Disclosed } from '../fold/ledger.js';
import type { AlarmDraft } from './alarm-draft.js';
import { raiseAlarms } from './alarm-store.js';

/** So many by one person within 10 minutes are worth an alarm, whatever the limits are. */
const LEVELS: Readonly<Record<string, number>> = { 'record.deleted': 20, 'record.reassigned': 50 };

/** Raises `mass.deletion` with the deletion or reassignment that reaches the level; again only after the number fell below it. */
export async function raiseMassActionAlarms(trx: Transaction<unknown>, disclosed: readonly Disclosed[]): Promise<void> {
  const drafts: AlarmDraft[] = [];
  for (const { event, subjectIds } of disclosed) {
    const level = LEVELS[event.measure];
    if (level === undefined) continue;
    const { rows } = await sql<{ count: number }>`
      SELECT count(*)::integer AS count FROM monitor.exposure
      WHERE user_id = ${event.userId} AND measure = ${event.measure} AND kind = ANY ('{deletion,reassignment}')
        AND at > ${event.at}::timestamptz - interval '10 minutes' AND at <= ${event.at}::timestamptz`.execute(trx);
    const count = rows[0]?.count ?? 0;
    if (count < level || count - subjectIds.length >= level) continue;
    const what = event.measure === 'record.deleted' ? 'deleted' : 'reassigned';
    drafts.push({
      key: `mass.deletion|${event.id}`,
      alarm: {
        type: 'mass.deletion',
        severity: 'critical',
        at: event.at,
        userId: event.userId,
        measure: event.measure,
        limit: level,
        count,
        message: `One person ${what} ${count} records within 10 minutes.`,
      },
    });
  }
  await raiseAlarms(trx, drafts);
}
