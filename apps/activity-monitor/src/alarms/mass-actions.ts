import { sql, type Transaction } from 'kysely';
import type { Measure } from '#contracts';
import type { GateEvent } from '../fold/gate-event.js';
import type { AlarmDraft } from './alarm-draft.js';
import { raiseAlarms } from './alarm-store.js';

/** So many by one person within 10 minutes are worth an alarm, whatever the limits are. */
export const LEVELS = { 'record.deleted': 20, 'record.reassigned': 50 } as const;
type Act = keyof typeof LEVELS;
const isAct = (measure: Measure): measure is Act => measure in LEVELS;

interface Reached {
  readonly id: string;
  readonly at: string;
  readonly count: number;
}

/**
 * Raises `mass.deletion` with the deletion or reassignment that reaches the level; again only after the number fell below it. What is
 * folded late counts where it belongs: the acts after it are looked at again.
 */
export async function raiseMassActionAlarms(trx: Transaction<unknown>, disclosed: readonly GateEvent[]): Promise<void> {
  const acts = Map.groupBy(
    disclosed.filter((event) => isAct(event.measure)),
    (event) => `${event.userId} ${event.measure}`,
  );
  const drafts: AlarmDraft[] = [];
  for (const [first, ...others] of acts.values()) {
    if (first === undefined || !isAct(first.measure)) continue;
    const { userId, measure } = first;
    const level = LEVELS[first.measure];
    const times = [first, ...others].map(({ at }) => at).sort();
    for (const reached of await levelsReached(trx, { userId, measure, level, from: times[0] ?? '', to: times.at(-1) ?? '' }))
      drafts.push(draftOf(userId, measure, level, reached));
  }
  await raiseAlarms(trx, drafts);
}

/** The acts of a person by which the level was reached, since `from` and until ten minutes after `to`; not where it is told of already. */
async function levelsReached(
  trx: Transaction<unknown>,
  of: { readonly userId: string; readonly measure: Measure; readonly level: number; readonly from: string; readonly to: string },
): Promise<readonly Reached[]> {
  const { rows } = await sql<Reached>`
    WITH acts AS (
      SELECT disclosure_id AS id, at, count(*) AS amount FROM monitor.exposure
      WHERE user_id = ${of.userId} AND measure = ${of.measure} AND kind = ANY ('{deletion,reassignment}')
        AND at > ${of.from}::timestamptz - interval '20 minutes' AND at <= ${of.to}::timestamptz + interval '10 minutes' GROUP BY 1, 2
    ), counted AS (
      SELECT *, sum(amount) OVER (ORDER BY at RANGE BETWEEN '599.999999 seconds' PRECEDING AND CURRENT ROW) AS count FROM acts
    ), reaching AS (
      SELECT *, coalesce(lag(count) OVER (ORDER BY at, id), 0) AS before FROM counted
    )
    SELECT r.id, watch.iso(r.at) AS at, r.count::integer FROM reaching AS r
    WHERE r.count >= ${of.level} AND r.before < ${of.level} AND r.at >= ${of.from}::timestamptz
      AND NOT EXISTS (
        SELECT FROM acts AS a JOIN monitor.alarms AS m ON m.dedupe_key = 'mass.deletion|' || a.id
        WHERE a.at >= r.at AND a.at <= r.at + interval '10 minutes')
    ORDER BY r.at`.execute(trx);
  return rows;
}

function draftOf(userId: string, measure: Measure, level: number, { id, at, count }: Reached): AlarmDraft {
  const what = measure === 'record.deleted' ? 'deleted' : 'reassigned';
  return {
    key: `mass.deletion|${id}`,
    alarm: {
      ...{ type: 'mass.deletion', severity: 'critical', at, userId, measure, limit: level, count },
      message: `One person ${what} ${count} records within 10 minutes.`,
    },
  };
}
