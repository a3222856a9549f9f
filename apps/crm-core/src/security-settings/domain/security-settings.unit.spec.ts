import fc from 'fast-check';
import { FIRST_SECURITY_SETTINGS as FIRST, type Limit, type SecuritySettings } from '#contracts';
import { acceptedSettings, refuseLockOut } from './security-settings.rules.js';
import { weakenings } from './weakening.js';

const refusal = (code: string) => expect.objectContaining({ code });
const withList = (entries: string[], list: Partial<SecuritySettings['ipAllowList']> = {}): SecuritySettings => ({
  ...FIRST,
  ipAllowList: { ...FIRST.ipAllowList, enabled: true, ...list, entries: entries.map((cidr) => ({ cidr, note: '' })) },
});
const withLimits = (...limits: Limit[]): SecuritySettings => ({
  ...FIRST,
  activityMonitoring: { ...FIRST.activityMonitoring, limits },
});
const limit: Limit = { measure: 'contact.opened', window: 'hour', max: 20, action: 'deactivate', scope: { everyone: true } };
const ofA: Limit = { ...limit, scope: { userIds: ['a'] } };
const wide: Limit = { ...ofA, max: 1_000 };
const inDays: SecuritySettings = {
  ...FIRST,
  activityMonitoring: { ...FIRST.activityMonitoring, windowing: 'calendar', limits: [limit] },
};

describe('accepted settings', () => {
  it('keep addresses in their canonical form', () => {
    const { entries } = acceptedSettings(withList(['2001:DB8:0::1', '::ffff:10.1.2.3', '10.0.0.0/8'])).ipAllowList;
    expect(entries.map(({ cidr }) => cidr)).toEqual(['2001:db8::1', '10.1.2.3', '10.0.0.0/8']);
  });

  it('name every entry that is wrong', () => {
    try {
      acceptedSettings(withList(['10.0.0.1/8', '192.0.2.1', '010.1.1.1', 'fe80::1%eth0']));
      throw new Error('accepted');
    } catch (error) {
      expect(error).toMatchObject({
        code: 'invalid-cidr',
        options: { errors: [0, 2, 3].map((n) => expect.objectContaining({ path: `ipAllowList.entries.${n}.cidr` })) },
      });
    }
  });

  it('want an empty list confirmed, and keep no confirmation', () => {
    expect(() => acceptedSettings(withList([]))).toThrow(refusal('empty-allow-list'));
    expect(acceptedSettings(withList([], { confirmEmpty: true })).ipAllowList).not.toHaveProperty('confirmEmpty');
  });

  it('refuse zones and regions that do not exist', () => {
    expect(() => acceptedSettings({ ...FIRST, timeZone: 'Mars/Olympus' })).toThrow(refusal('validation-failed'));
    expect(() => acceptedSettings({ ...FIRST, timeZone: '+03:00' })).toThrow(refusal('validation-failed'));
    expect(() => acceptedSettings({ ...FIRST, defaultRegion: 'ZZ' })).toThrow(refusal('validation-failed'));
  });

  it('do not lock their author out, unless administrators are exempt', () => {
    const saver = { ip: '192.0.2.7', isAdmin: true };
    expect(() => refuseLockOut(withList(['10.0.0.0/8'], { exemptAdmins: false }), saver)).toThrow(refusal('would-lock-you-out'));
    refuseLockOut(withList(['10.0.0.0/8'], { exemptAdmins: true }), saver);
    refuseLockOut(withList(['192.0.2.0/24'], { exemptAdmins: false }), saver);
  });
});

describe('weakening', () => {
  it('is none where nothing changes or something gets stricter', () => {
    expect(weakenings(FIRST, FIRST)).toEqual([]);
    expect(weakenings(withLimits(limit), withLimits({ ...limit, max: 10 }))).toEqual([]);
    expect(weakenings(withList(['10.0.0.0/8']), withList(['10.1.0.0/16']))).toEqual([]);
    expect(weakenings(FIRST, withList(['10.1.0.0/16']))).toEqual([]);
    expect(weakenings(withList(['10.0.0.0/9', '10.128.0.0/9']), withList(['10.0.0.0/8']))).toEqual([]);
    expect(weakenings(withLimits(ofA), withLimits(ofA, { ...ofA, max: 99, scope: { userIds: ['b'] } }))).toEqual([]);
    expect(weakenings(withLimits(limit, ofA), withLimits({ ...limit, max: 1 }, ofA))).toEqual([]);
    expect(weakenings(withLimits(ofA), withLimits({ ...ofA, scope: { userIds: ['b', 'a'] } }))).toEqual([]);
    expect(weakenings(withLimits(ofA), withLimits({ ...ofA, action: 'alert' }, ofA))).toEqual([]);
  });

  it.each<[string, SecuritySettings, SecuritySettings]>([
    ['hidePhones', FIRST, { ...FIRST, hidePhones: false }],
    ['hideEmails', FIRST, { ...FIRST, hideEmails: false }],
    ['api.adminsOnly', FIRST, { ...FIRST, api: { adminsOnly: false } }],
    ['ipAllowList.enabled', withList(['10.0.0.0/8']), withList(['10.0.0.0/8'], { enabled: false })],
    ['ipAllowList.entries', withList(['10.1.0.0/16']), withList(['10.0.0.0/8'])],
    ['ipAllowList.entries', withList(['10.0.0.0/9', '10.129.0.0/16']), withList(['10.0.0.0/8'])],
    ['ipAllowList.entries', withList([]), withList(['::1'])],
    ['activityMonitoring.limits', withLimits(limit), withLimits(limit, { ...ofA, max: 21 })],
    ['activityMonitoring.limits', withLimits(ofA), withLimits(ofA, { ...ofA, max: 21 })],
    ['activityMonitoring.limits', withLimits(limit), withLimits({ ...limit, scope: { roleIds: ['r'] } })],
    [
      'activityMonitoring.windowing',
      FIRST,
      { ...FIRST, activityMonitoring: { ...FIRST.activityMonitoring, windowing: 'calendar' } },
    ],
    ['ipAllowList.exemptAdmins', withList([], { exemptAdmins: false }), withList([])],
    ['activityMonitoring.limits', withLimits(limit), withLimits()],
    ['activityMonitoring.limits', withLimits(limit), withLimits({ ...limit, max: 21 })],
    ['activityMonitoring.limits', withLimits(limit), withLimits({ ...limit, action: 'alert' })],
    // Refusals become cut-offs with the same maximum, and thereby a wider limit for him that stood there takes their place.
    ['activityMonitoring.limits', withLimits({ ...limit, action: 'refuse' }, wide), withLimits(limit, wide)],
    [
      'activityMonitoring.limits',
      withLimits({ ...limit, action: 'refuse', scope: { roleIds: ['r'] } }, wide),
      withLimits({ ...limit, scope: { roleIds: ['r'] } }, wide),
    ],
    ['timeZone', { ...inDays, timeZone: 'Europe/Moscow' }, { ...inDays, timeZone: 'Asia/Tokyo' }],
    ['activityMonitoring.enabled', FIRST, { ...FIRST, activityMonitoring: { ...FIRST.activityMonitoring, enabled: false } }],
  ])('is named: %s', (name, before, after) => {
    expect(weakenings(before, after)).toEqual([name]);
  });

  it('is told of whenever somebody, with whatever roles, would be refused or cut off later', () => {
    const scope = fc.oneof(
      fc.constant({ everyone: true } as const),
      fc.subarray(['p', 'q', 'r'], { minLength: 1 }).map((roleIds) => ({ roleIds })),
      fc.subarray(['a', 'b'], { minLength: 1 }).map((userIds) => ({ userIds })),
    );
    const action = fc.constantFrom<Limit['action']>('deactivate', 'refuse');
    const some = fc.array(fc.record({ scope, action, max: fc.integer({ min: 0, max: 4 }) }), { maxLength: 5 });
    const people = ['a', 'b', 'c'].flatMap((userId) =>
      Array.from({ length: 8 }, (_, bits) => ({ userId, roleIds: ['p', 'q', 'r'].filter((_role, at) => bits & (1 << at)) })),
    );
    fc.assert(
      fc.property(some, some, (before, after) => {
        const [old, present] = [before, after].map((limits) => limits.map((one) => ({ ...limit, ...one })));
        const isLater = people.some((person) => refusedAt(present ?? [], person) > refusedAt(old ?? [], person));
        if (isLater)
          expect(weakenings(withLimits(...(old ?? [])), withLimits(...(present ?? [])))).toEqual(['activityMonitoring.limits']);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is told of where there are too many roles to tell', () => {
    const roles = Array.from({ length: 60 }, (_, role): Limit => ({ ...limit, scope: { roleIds: [`${role}`] } }));
    expect(weakenings(withLimits(...roles), withLimits(...roles))).toEqual([]);
    expect(weakenings(withLimits(...roles), withLimits(...roles, ofA))).toEqual(['activityMonitoring.limits']);
  });
});

/** After how many openings somebody is refused; by every action the narrowest scope, in it the largest maximum. */
function refusedAt(limits: readonly Limit[], { userId, roleIds }: { userId: string; roleIds: readonly string[] }): number {
  const maximum = (action: Limit['action']): number => {
    let found: { breadth: number; max: number } | undefined;
    for (const one of limits.filter((of) => of.action === action)) {
      const fits = 'everyone' in one.scope || idsOf(one).some((id) => id === userId || roleIds.includes(id));
      const breadth = 'everyone' in one.scope ? 3 : 'roleIds' in one.scope ? 2 : 1;
      if (!fits) continue;
      if (found === undefined || breadth < found.breadth) found = { breadth, max: one.max };
      else if (breadth === found.breadth) found = { breadth, max: Math.max(found.max, one.max) };
    }
    return found?.max ?? Infinity;
  };
  return Math.min(maximum('deactivate'), maximum('refuse'));
}

function idsOf({ scope }: Limit): readonly string[] {
  return 'userIds' in scope ? scope.userIds : 'roleIds' in scope ? scope.roleIds : [];
}
