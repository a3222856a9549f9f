import { FIRST_SECURITY_SETTINGS, SYSTEM_USER_ID, type SecuritySettings } from '#contracts';
import { testDatabase, type TestDatabase } from '#testing';
import { CoreParts, sharedKeys } from '../commands/core-parts.fixture.js';
import { streamChange } from '../log/crm-log.js';
import { clearAddressList } from './rescue.js';
import { SECURITY_SETTINGS_ID, securitySettingsAggregate } from './security-settings.aggregate.js';

const STRICT: SecuritySettings = {
  ...FIRST_SECURITY_SETTINGS,
  hidePhones: false,
  ipAllowList: { enabled: true, exemptAdmins: false, entries: [{ cidr: '192.0.2.1', note: 'office' }] },
};
const AT = '2026-11-26T19:00:00.000Z';

describe('a rescue', () => {
  let database: TestDatabase;
  let core: CoreParts;

  beforeEach(async () => {
    database = await testDatabase();
    core = new CoreParts(database.coreUrl, await sharedKeys());
  });
  afterEach(async () => {
    await core.end();
    await database.drop();
  });

  const save = async (settings: SecuritySettings): Promise<void> => {
    const { state, version } = await core.log.load(securitySettingsAggregate, SECURITY_SETTINGS_ID);
    const events = securitySettingsAggregate.decide({ type: 'change', settings }, state);
    const commandId = crypto.randomUUID();
    await core.log.append([streamChange({ aggregate: securitySettingsAggregate, id: SECURITY_SETTINGS_ID, version, events })], {
      metadata: {
        ...{ actorId: SYSTEM_USER_ID, sessionId: null, tokenId: null, ip: null, causationId: null },
        ...{ commandId, correlationId: commandId, at: AT },
      },
    });
  };
  const kept = async () =>
    (await core.rows<{ settings: SecuritySettings; version: number; authz_version: number }>('SELECT * FROM read.security'))[0];

  it('given a list in force, clears it, and nothing else is changed', async () => {
    await save(STRICT);
    const before = await kept();
    expect(await clearAddressList(core.log, () => new Date(AT))).toEqual({ wasEnabled: true, entries: 1, changed: true });
    const after = await kept();
    expect(after?.settings).toEqual({ ...STRICT, ipAllowList: { enabled: false, exemptAdmins: false, entries: [] } });
    expect(after?.authz_version).toBeGreaterThan(before?.authz_version ?? 0);
    const [entry] = await core.rows(`SELECT actor_id, ip, details FROM read.audit ORDER BY at DESC, id DESC LIMIT 1`);
    expect(entry).toMatchObject({ actor_id: SYSTEM_USER_ID, ip: null, details: { before: { ipAllowList: STRICT.ipAllowList } } });
  });

  it('given a list that is written down and off, clears that too', async () => {
    await save({ ...STRICT, ipAllowList: { ...STRICT.ipAllowList, enabled: false } });
    expect(await clearAddressList(core.log, () => new Date(AT))).toEqual({ wasEnabled: false, entries: 1, changed: true });
    expect((await kept())?.settings.ipAllowList.entries).toEqual([]);
  });

  it('given none, changes nothing', async () => {
    const before = await kept();
    expect(await clearAddressList(core.log, () => new Date(AT))).toEqual({ wasEnabled: false, entries: 0, changed: false });
    expect(await kept()).toEqual(before);
  });

  it('given several at once, and saves between them, clears what there is at the end', async () => {
    await save(STRICT);
    const others = Array.from({ length: 5 }, async (_, n) =>
      save({ ...STRICT, timeZone: n % 2 === 0 ? 'Europe/Berlin' : 'Asia/Tokyo' }).catch(() => undefined),
    );
    const rescues = Array.from({ length: 5 }, () => clearAddressList(core.log, () => new Date(AT)));
    await Promise.all(others);
    expect((await Promise.all(rescues)).some(({ changed }) => changed)).toBe(true);
    await clearAddressList(core.log, () => new Date(AT));
    expect((await kept())?.settings.ipAllowList).toEqual({ enabled: false, exemptAdmins: false, entries: [] });
    const { version } = await core.log.load(securitySettingsAggregate, SECURITY_SETTINGS_ID);
    expect((await kept())?.version).toBe(version);
  });
});
