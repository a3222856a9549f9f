import { earliestIdOf } from '#kernel';

/** How long is waited before each try but the first, milliseconds: four times as long each time, six hours at most, a day in all. */
export const RETRY_AFTER_MS: readonly number[] = Array.from({ length: 11 }, (_, index) =>
  Math.min(1_000 * 4 ** index, 6 * 3_600_000),
);

/** What becomes of a delivery after so many tries that failed: tried again in so many milliseconds, or dead. */
export function afterFailure(attempts: number, waits: readonly number[] = RETRY_AFTER_MS): { retryInMs: number } | 'dead' {
  const retryInMs = waits[attempts - 1];
  return retryInMs === undefined ? 'dead' : { retryInMs };
}

/** Alarms of the last seconds are looked through again: one that was committed late may have an earlier id than one already noted. */
const LOOKED_THROUGH_AGAIN_MS = 10_000;

/** The least UUIDv7 (RFC 9562 section 5.7) of ten seconds before that of an alarm. */
export function earlierThan(alarmId: string): string {
  const milliseconds = Number.parseInt(alarmId.replace('-', '').slice(0, 12), 16);
  return earliestIdOf(milliseconds - LOOKED_THROUGH_AGAIN_MS);
}
