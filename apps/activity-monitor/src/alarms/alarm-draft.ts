import type { Alarm, LimitStanding, WatchEvent } from '#contracts';

/** An alarm before it is stored. The key is made of what it is about, so that the same cause raises it once. */
export interface AlarmDraft {
  readonly key: string;
  readonly alarm: Omit<Alarm, 'id'>;
}

const LENGTH_MS = { hour: 3_600_000, day: 86_400_000 } as const;

/** The path, on the gateway, of what a person was shown in the window that ends with an instant. */
export function exposurePath(userId: string, window: LimitStanding['window'], at: string): string {
  const end = Date.parse(at);
  // To the next whole millisecond: the instant itself is finer and belongs to the window.
  const [from, to] = [new Date(end - LENGTH_MS[window]).toISOString(), new Date(end + 1).toISOString()];
  return `/v1/exposure?userId=${userId}&from=${from}&to=${to}`;
}

/** The fields that every alarm about a limit has. */
export function aboutLimit(
  event: WatchEvent,
  limit: LimitStanding,
): Pick<Alarm, 'at' | 'userId' | 'measure' | 'window' | 'limit' | 'count' | 'exposure'> {
  return {
    at: event.at,
    userId: event.userId,
    measure: limit.measure,
    window: limit.window,
    limit: limit.max,
    count: limit.count,
    exposure: exposurePath(event.userId, limit.window, event.at),
  };
}
