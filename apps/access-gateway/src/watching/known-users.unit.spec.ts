import type { MonitoredUser } from '#contracts';
import { KnownUsers } from './known-users.js';

const user = (userId: string, count: number, since = '2026-01-01T00:00:00.000Z'): MonitoredUser => ({
  ...{ userId, name: 'Somebody', state: 'active' },
  measures: [{ measure: 'deal.opened', window: 'hour', action: 'refuse', count, max: 30, since }],
});

describe('known users', () => {
  it('given nobody is known: those looked through are learnt, those who act are changed', () => {
    const known = new KnownUsers();
    expect(known.changed([user('a', 1)], 10, false)).toEqual([]);
    expect(known.changed([user('b', 1)], 10, true)).toEqual([user('b', 1)]);
    expect(known.changed([user('a', 1), user('b', 1)], 10, true)).toEqual([]);
  });

  it('given a count: when it rises or falls he is changed, once; not when only the window moves', () => {
    const known = new KnownUsers();
    known.changed([user('a', 2)], 10, false);
    expect(known.changed([user('a', 2, '2026-01-01T00:00:01.000Z')], 10, false)).toEqual([]);
    expect(known.changed([user('a', 3)], 10, false)).toHaveLength(1);
    expect(known.changed([user('a', 3)], 10, false)).toEqual([]);
    expect(known.changed([user('a', 0)], 10, false)).toHaveLength(1);
  });

  it('given more changes than are told at once: the others are told the next time', () => {
    const known = new KnownUsers();
    const all = ['a', 'b', 'c'].map((id) => user(id, 1));
    expect(known.changed(all, 2, true).map(({ userId }) => userId)).toEqual(['a', 'b']);
    expect(known.changed(all, 2, true).map(({ userId }) => userId)).toEqual(['c']);
  });
});
