import type { Alarm, LimitStanding } from '#contracts';
import { windowStart, type Windowing } from '../gate/gate.rules.js';
import type { GateEvent } from '../fold/gate-event.js';

/** An alarm before it is stored. The key is made of what it is about, so that the same cause raises it once. */
export interface AlarmDraft {
  readonly key: string;
  readonly alarm: Omit<Alarm, 'id'>;
}

/**
 * The path, on the gateway, of what a person was shown in a window up to an instant: from where the window began, by the windowing in
 * force, be it a day of 25 hours.
 */
export function exposurePath(userId: string, window: LimitStanding['window'], at: string, windowing: Windowing): string {
  const end = Date.parse(at);
  // To the next whole millisecond: the instant itself is finer and belongs to the window.
  const [from, to] = [new Date(windowStart(window, windowing, end)).toISOString(), new Date(end + 1).toISOString()];
  return `/v1/exposure?userId=${userId}&from=${from}&to=${to}`;
}

/** The fields that every alarm about a limit has. */
export function aboutLimit(
  event: GateEvent,
  limit: LimitStanding,
  windowing: Windowing,
): Pick<Alarm, 'at' | 'userId' | 'measure' | 'window' | 'limit' | 'count' | 'exposure'> {
  return {
    at: event.at,
    userId: event.userId,
    measure: limit.measure,
    window: limit.window,
    limit: limit.max,
    count: limit.count,
    exposure: exposurePath(event.userId, limit.window, event.at, windowing),
  };
}
