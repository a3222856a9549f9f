import { afterFailure, earlierThan, RETRY_AFTER_MS } from './delivery.rules.js';

it('a delivery is tried soon, then ever later, for about a day, and then is dead', () => {
  expect(afterFailure(1)).toEqual({ retryInMs: 1_000 });
  expect(afterFailure(2)).toEqual({ retryInMs: 4_000 });
  expect(RETRY_AFTER_MS.every((wait, index) => index === 0 || wait >= (RETRY_AFTER_MS[index - 1] ?? 0))).toBe(true);
  expect(RETRY_AFTER_MS.reduce((sum, wait) => sum + wait, 0) / 3_600_000).toBeGreaterThan(20);
  expect(afterFailure(RETRY_AFTER_MS.length)).not.toBe('dead');
  expect(afterFailure(RETRY_AFTER_MS.length + 1)).toBe('dead');
});

it('alarms are looked through again from ten seconds before the last', () => {
  expect(earlierThan('01a00000-0000-7abc-8def-0123456789ab')).toBe('019fffff-d8f0-7000-8000-000000000000');
  expect(earlierThan('00000000-0001-7abc-8def-0123456789ab')).toBe('00000000-0000-7000-8000-000000000000');
});
