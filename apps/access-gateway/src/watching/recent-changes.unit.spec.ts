import { v7 as uuidv7 } from 'uuid';
import { RecentChanges } from './recent-changes.js';
import type { RecordChange } from './record-change.js';

const NOON = Date.parse('2026-01-01T12:00:00Z');

function change(secondsAfterNoon: number): RecordChange {
  const at = new Date(NOON + secondsAfterNoon * 1_000).toISOString();
  return {
    eventId: uuidv7(),
    recordType: 'deal',
    message: { type: 'deal.won', id: uuidv7(), version: 2, changed: ['status'], at },
  };
}

describe('recent changes', () => {
  it('are told in the order of their coming, from any place on', () => {
    const recent = new RecentChanges(10);
    const all = [change(0), change(1), change(0.5), change(2)];
    for (const one of all) recent.add(one);
    expect(recent.after(0, 10)?.map(({ eventId }) => eventId)).toEqual(all.map(({ eventId }) => eventId));
    const second = recent.positionOf(all[1]?.eventId ?? '') ?? -1;
    expect(recent.after(second, 1)?.map(({ eventId }) => eventId)).toEqual([all[2]?.eventId]);
    expect(recent.after(recent.last, 10)).toEqual([]);
  });

  it('are kept so many and no more, and what is gone is said to be', () => {
    const recent = new RecentChanges(10);
    const all = Array.from({ length: 1_000 }, (_, second) => change(second));
    for (const one of all) recent.add(one);
    expect(recent.last).toBe(1_000);
    expect(recent.positionOf(all[900]?.eventId ?? '')).toBeUndefined();
    expect(recent.after(900, 10)).toBeUndefined();
    const kept = recent.after(990, 100);
    expect(kept?.map(({ eventId }) => eventId)).toEqual(all.slice(990).map(({ eventId }) => eventId));
  });

  it('hold none twice, also when a wiped stream is filled again from the beginning', () => {
    const recent = new RecentChanges(10);
    const log = Array.from({ length: 1_000 }, (_, second) => change(second));
    for (const one of log) recent.add(one);
    for (const one of log) recent.add(one);
    // Of the last two minutes what is no longer known comes again; of the long past nothing does.
    expect(recent.last).toBeLessThanOrEqual(1_121);
    const next = change(1_001);
    recent.add(next);
    expect(recent.after(recent.last - 1, 1)?.[0]?.eventId).toBe(next.eventId);
  });
});
