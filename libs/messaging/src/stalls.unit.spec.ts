import { StallWatch, type ConsumerView } from './stalls.js';

const AFTER_MS = 1_000;
const view = (changes: Partial<ConsumerView> = {}): ConsumerView => ({
  ...{ messages: 3, oldest: 11, last: 20, confirmedTo: 10, mark: '3 20 10', isBusy: false },
  ...changes,
});

describe('a consumer that does not come to what its stream holds', () => {
  it('is stalled when nothing moves for the whole time, and not a moment sooner', () => {
    const watch = new StallWatch(AFTER_MS, 0);
    expect(watch.judge(view(), 100)).toBeUndefined();
    expect(watch.judge(view(), 1_099)).toBeUndefined();
    expect(watch.judge(view(), 1_100)).toBe('pending-for-good');
  });

  it('is not while something is delivered, confirmed or in hand, or while there is nothing to do', () => {
    const watch = new StallWatch(AFTER_MS, 0);
    expect(watch.judge(view(), 0)).toBeUndefined();
    expect(watch.judge(view({ mark: '3 21 10' }), 1_500)).toBeUndefined();
    expect(watch.judge(view({ mark: '3 21 10', isBusy: true }), 3_000)).toBeUndefined();
    expect(watch.judge(view({ mark: '3 21 10', messages: 0 }), 4_500)).toBeUndefined();
    expect(watch.judge(view({ mark: '3 21 10' }), 5_400)).toBeUndefined();
  });

  it('has lost messages at once when its floor covers what the stream holds, in whatever traffic', () => {
    const watch = new StallWatch(AFTER_MS, 0);
    expect(watch.judge(view({ confirmedTo: 11, isBusy: true }), 1)).toBe('lost-tail');
    expect(watch.judge(view({ confirmedTo: 99, messages: 0 }), 2)).toBeUndefined();
  });

  it('can find nothing in a stream that begins behind its end, however much that counts', () => {
    const watch = new StallWatch(AFTER_MS, 0);
    expect(watch.judge(view({ oldest: 21 }), 1)).toBe('counts-broken');
    expect(watch.judge(view({ oldest: 21, messages: 0 }), 2)).toBeUndefined();
  });

  it('passes over the oldest message when all others go by for six times as long', () => {
    const watch = new StallWatch(AFTER_MS, 0);
    const judged = Array.from({ length: 8 }, (_, second) =>
      watch.judge(view({ mark: `3 ${second} 10`, isBusy: true }), second * AFTER_MS),
    );
    expect(judged.slice(0, 6)).toEqual(Array(6).fill(undefined));
    expect(judged[6]).toBe('passed-over');
    expect(watch.judge(view({ mark: 'x', oldest: 12 }), 8_000)).toBeUndefined();
  });
});
