import { DatabaseClock, narrowed } from './database-clock.js';

describe('the difference to the database’s clock', () => {
  it('lies within a round trip, and within the fastest of several', () => {
    const slow = narrowed(undefined, 0, { sent: 100, received: 900, told: 5_500 });
    expect(slow).toEqual({ low: 4_600, high: 5_400 });
    const fast = narrowed(slow, 0, { sent: 1_000, received: 1_002, told: 6_001 });
    expect(fast).toEqual({ low: 4_999, high: 5_001 });
    expect(narrowed(fast, 0, { sent: 2_000, received: 2_900, told: 7_400 })).toEqual(fast);
  });

  it('is a little less sure with each second that passed', () => {
    const known = { low: 4_999, high: 5_001 };
    expect(narrowed(known, 1_000, { sent: 0, received: 1_000, told: 5_500 })).toEqual({ low: 4_998, high: 5_002 });
  });

  it('is another when the database’s clock was moved', () => {
    const known = { low: 4_999, high: 5_001 };
    expect(narrowed(known, 1_000, { sent: 10, received: 12, told: 3_605_011 })).toEqual({ low: 3_604_999, high: 3_605_001 });
  });
});

describe('the clock', () => {
  it('is not known before it was read, and is the database’s afterwards', async () => {
    const day = 86_400_000;
    const clock = new DatabaseClock({
      query: () => Promise.resolve({ rows: [{ told: Date.now() + day }] }),
    } as unknown as ConstructorParameters<typeof DatabaseClock>[0]);
    expect(clock.now).toThrow(expect.objectContaining({ code: 'dependency-unavailable' }) as Error);
    await clock.read();
    expect(Math.abs(clock.now().getTime() - Date.now() - day)).toBeLessThan(1_000);
  });
});
