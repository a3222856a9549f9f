import type { Measure, ReachedLimit } from '#contracts';
import type { Windowing } from '../gate/gate.rules.js';
import { aboutLimit, type AlarmDraft } from './alarm-draft.js';
import type { GateEvent } from '../fold/gate-event.js';

type LimitAlarmType = 'limit.approached' | 'limit.exceeded';

/** That an alarm was raised about a limit, and its count has not fallen below since. */
export interface RaisedLimit {
  readonly measure: Measure;
  readonly window: ReachedLimit['window'];
  readonly action: ReachedLimit['action'];
  readonly type: LimitAlarmType;
  readonly max: number;
}

export interface LimitAlarms {
  readonly drafts: readonly AlarmDraft[];
  /** What is raised from now on, about the measures of this event and the others. */
  readonly raised: readonly RaisedLimit[];
}

/**
 * The alarms of one disclosure, given what was raised about the person before: `limit.approached` from four fifths of a maximum
 * of at least 2 on, `limit.exceeded` past an alert or by an exempt administrator; each once until the count falls below. The count
 * fell below in between when, without this disclosure, it is below.
 */
export function limitAlarms(event: GateEvent, before: readonly RaisedLimit[], windowing: Windowing): LimitAlarms {
  const touched = measuresOf(event.measure);
  const drafts: AlarmDraft[] = [];
  const raised = before.filter((one) => !touched.includes(one.measure));
  for (const limit of event.limits) {
    for (const type of reachedTypes(event, limit)) {
      const now: RaisedLimit = { measure: limit.measure, window: limit.window, action: limit.action, type, max: limit.max };
      raised.push(now);
      const stood = before.some((one) => isSame(one, now)) && limit.count - limit.added >= levelOf(type, limit.max);
      if (!stood) drafts.push(draftOf(event, limit, type, windowing));
    }
  }
  return { drafts, raised };
}

function measuresOf(measure: Measure): readonly Measure[] {
  return measure.endsWith('.opened') ? [measure, 'card.opened'] : [measure];
}

function reachedTypes(event: GateEvent, limit: ReachedLimit): readonly LimitAlarmType[] {
  const types: LimitAlarmType[] = [];
  if (limit.max >= 2 && limit.count >= levelOf('limit.approached', limit.max)) types.push('limit.approached');
  const served = limit.action === 'alert' || (event.isAdmin && limit.added > 0);
  if (served && limit.count >= levelOf('limit.exceeded', limit.max)) types.push('limit.exceeded');
  return types;
}

/** The count from which an alarm of the type is due. */
function levelOf(type: LimitAlarmType, max: number): number {
  return type === 'limit.approached' ? Math.ceil((4 * max) / 5) : max + 1;
}

function isSame(left: RaisedLimit, right: RaisedLimit): boolean {
  return (['measure', 'window', 'action', 'type', 'max'] as const).every((field) => left[field] === right[field]);
}

function draftOf(event: GateEvent, limit: ReachedLimit, type: LimitAlarmType, windowing: Windowing): AlarmDraft {
  const { measure, window, action, max, count } = limit;
  const message =
    type === 'limit.approached'
      ? `${count} of ${max} within the ${window} (${measure}).`
      : `${count} within the ${window}, past the limit of ${max} (${measure}); served all the same.`;
  return {
    key: `${type}|${event.id}|${measure}|${window}|${action}`,
    alarm: { type, severity: type === 'limit.approached' ? 'info' : 'warning', ...aboutLimit(event, limit, windowing), message },
  };
}
