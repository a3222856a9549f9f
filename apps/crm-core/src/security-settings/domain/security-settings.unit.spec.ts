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
    ['activityMonitoring.enabled', FIRST, { ...FIRST, activityMonitoring: { ...FIRST.activityMonitoring, enabled: false } }],
  ])('is named: %s', (name, before, after) => {
    expect(weakenings(before, after)).toEqual([name]);
  });
});
