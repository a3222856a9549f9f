import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { Secret } from '#kernel';
import { FIRST_SECURITY_SETTINGS, type AcceptedReply, type CommandName, type UserDeactivatedFact } from '#contracts';
import { createPool } from '#platform';
import type { TestDatabase } from '#testing';
import { codesOf, Commands } from '../authz/commands.fixture.js';
import type { CommandShell } from '../commands/command-shell.js';
import { deactivateByMonitor } from './deactivate-by-monitor.js';

let commands: Commands;
let database: TestDatabase;
let pool: Pool;
let shell: CommandShell;
/** An administrator who is active and not held. */
let first: string;

beforeAll(async () => {
  commands = await Commands.open();
  ({ database, pool, shell } = commands);
  const made = await Promise.allSettled(
    ['a@example.org', 'b@example.org', 'c@example.org'].map((email) => commands.firstAdministrator(email)),
  );
  expect(codesOf(made)).toEqual(['already-exists', 'already-exists', 'ok']);
  first = made.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))[0] as string;
});
afterAll(() => commands.close());

const send = (name: CommandName, userId: string, body: unknown, targetId: string | null = null): Promise<AcceptedReply> =>
  commands.send(name, userId, body, targetId);
const newPerson = async (fields: object = {}): Promise<string> =>
  (await send('CreateUser', first, { email: `${randomUUID()}@example.org`, name: 'P', ...fields })).id;
const newRole = async (grants: object, parent: string | null = null): Promise<string> =>
  (await send('CreateRole', first, { name: 'R', extends: parent, grants })).id;
const principal = async (id: string): Promise<Record<string, unknown>> =>
  (await pool.query<Record<string, unknown>>('SELECT * FROM read.principals WHERE user_id = $1', [id])).rows[0] ?? {};
const authzVersion = async (): Promise<number> =>
  Number((await pool.query<{ v: string }>('SELECT authz_version AS v FROM read.security')).rows[0]?.v);
const hold = (userId: string, epoch: number): Promise<unknown> =>
  monitorQuery(`INSERT INTO watch.holds (user_id, epoch, cause, at) VALUES ($1, $2, '{}', clock_timestamp())`, [userId, epoch]);
async function monitorQuery(text: string, values: unknown[]): Promise<unknown> {
  const monitor = createPool({ connectionString: new Secret(database.monitorUrl), max: 1, applicationName: 'monitor' });
  return monitor.query(text, values).finally(() => monitor.end());
}

describe('the last administrator', () => {
  it('stays when two administrators demote or deactivate each other at once', async () => {
    for (const [name, body] of [
      ['ChangeUser', { isAdmin: false }],
      ['DeactivateUser', { reason: 'leaves' }],
    ] as const) {
      const [one, other] = [await newPerson({ isAdmin: true }), await newPerson({ isAdmin: true })];
      await hold(first, Number((await principal(first))['epoch']));
      const acts = await Promise.all([commands.authorized(name, one, body, other), commands.authorized(name, other, body, one)]);
      const outcomes = await Promise.allSettled(acts.map((act) => act()));
      expect(codesOf(outcomes)).toEqual(['last-administrator', 'ok']);
      const standing = (await Promise.all([one, other].map(principal))).filter((p) => p['is_admin'] && p['status'] === 'active');
      expect(standing).toHaveLength(1);
      first = String(standing[0]?.['user_id']);
    }
  });

  it('is not counted while he is held', async () => {
    const other = await newPerson({ isAdmin: true });
    await hold(other, 0);
    await expect(send('ChangeUser', other, { isAdmin: false }, first)).rejects.toMatchObject({ code: 'last-administrator' });
  });
});

describe('an invited person', () => {
  const invite = async (fields: object = {}): Promise<string> =>
    (await send('InviteUser', first, { email: `${randomUUID()}@example.org`, name: 'P', ...fields })).id;

  it('is no administrator who could be the last one, until he is activated', async () => {
    const invited = await invite({ isAdmin: true });
    expect(await principal(invited)).toMatchObject({ status: 'invited', is_admin: true });
    const demoteMyself = (): Promise<AcceptedReply> => send('ChangeUser', first, { isAdmin: false }, first);
    await expect(demoteMyself()).rejects.toMatchObject({ code: 'last-administrator' });
    await send('ActivateUser', invited, {}, invited);
    expect(await principal(invited)).toMatchObject({ status: 'active' });
    await expect(demoteMyself()).rejects.toMatchObject({ code: 'own-privileges' });
    await send('ChangeUser', first, { isAdmin: false }, invited);
  });

  it('is activated by himself or by one who may manage him, and by nobody else', async () => {
    const [invited, admin] = [await invite(), await invite({ isAdmin: true })];
    await expect(send('ActivateUser', await newPerson(), {}, invited)).rejects.toMatchObject({ code: 'forbidden' });
    const manager = await newPerson({ roleIds: [await newRole({ users: { view: 'allowed', edit: 'allowed' } })] });
    await expect(send('ActivateUser', manager, {}, admin)).rejects.toMatchObject({ code: 'grant-exceeds-own' });
    await send('ActivateUser', manager, {}, invited);
    expect(await principal(invited)).toMatchObject({ status: 'active' });
  });

  it('comes back from a deactivation as what he was', async () => {
    const invited = await invite();
    await send('DeactivateUser', first, { reason: 'a mistake' }, invited);
    await send('ReactivateUser', first, { reason: 'no mistake' }, invited);
    expect(await principal(invited)).toMatchObject({ status: 'invited', epoch: 1 });
    await send('ActivateUser', invited, {}, invited);
    expect(await principal(invited)).toMatchObject({ status: 'active', epoch: 1 });
  });
});

describe('an account', () => {
  it('takes an e-mail once, whatever its case and however many ask at once', async () => {
    const email = `${randomUUID()}@example.org`;
    const bodies = [email, email.toUpperCase(), email, email.toUpperCase()].map((one) => ({ email: one, name: 'P' }));
    const outcomes = await Promise.allSettled(bodies.map((body) => send('CreateUser', first, body)));
    expect(codesOf(outcomes)).toEqual(['email-taken', 'email-taken', 'email-taken', 'ok']);
    const other = await newPerson();
    await expect(send('ChangeUser', first, { email }, other)).rejects.toMatchObject({ code: 'email-taken' });
  });

  it('held is brought back in a new epoch, and an old fact bans nobody', async () => {
    const id = await newPerson();
    await expect(send('ReactivateUser', first, { reason: 'back' }, id)).rejects.toMatchObject({ code: 'already-active' });
    await hold(id, 0);
    const before = await authzVersion();
    await send('ReactivateUser', first, { reason: 'back' }, id);
    expect(await principal(id)).toMatchObject({ status: 'active', epoch: 1 });
    expect(await authzVersion()).toBe(before + 1);
    const cause = { measure: 'contact.opened', window: 'hour', action: 'deactivate', max: 20, count: 21 } as const;
    const fact = (epoch: number): UserDeactivatedFact => {
      return { id: randomUUID(), userId: id, epoch, refusedAt: new Date().toISOString(), cause };
    };
    await deactivateByMonitor(shell, pool, fact(0), new Date().toISOString());
    expect(await principal(id)).toMatchObject({ status: 'active', version: 2 });
    const now = fact(1);
    // A message alone deactivates nobody, were it the last administrator.
    expect(await deactivateByMonitor(shell, pool, now, new Date().toISOString())).toBe(false);
    expect(await deactivateByMonitor(shell, pool, { ...fact(0), userId: first }, new Date().toISOString())).toBe(false);
    expect(await principal(id)).toMatchObject({ status: 'active', version: 2 });
    expect(await principal(first)).toMatchObject({ status: 'active', is_admin: true });
    await hold(id, 1);
    await Promise.all([
      deactivateByMonitor(shell, pool, now, new Date().toISOString()),
      deactivateByMonitor(shell, pool, now, new Date().toISOString()),
    ]);
    await deactivateByMonitor(shell, pool, now, new Date().toISOString());
    expect(await principal(id)).toMatchObject({ status: 'deactivated', version: 3 });
    await expect(send('DeactivateUser', first, { reason: 'leaves' }, id)).rejects.toMatchObject({ code: 'already-deactivated' });
  });

  it('gets from somebody who is no administrator nothing that he lacks', async () => {
    const keeper = await newRole({ users: { view: 'allowed', edit: 'allowed' }, contact: { view: 'group' } });
    const [narrow, wide] = [await newRole({ contact: { view: 'group' } }), await newRole({ contact: { view: 'allowed' } })];
    const child = await newRole({ contact: { edit: 'forbidden' } }, wide);
    const id = await newPerson({ roleIds: [keeper] });
    const body = (fields: object): object => ({ email: `${randomUUID()}@example.org`, name: 'P', ...fields });
    const made = await send('CreateUser', id, body({ roleIds: [narrow] }));
    for (const fields of [{ isAdmin: true }, { roleIds: [wide] }, { roleIds: [child] }]) {
      await expect(send('CreateUser', id, body(fields))).rejects.toMatchObject({ code: 'grant-exceeds-own' });
      await expect(send('ChangeUser', id, fields, made.id)).rejects.toMatchObject({ code: 'grant-exceeds-own' });
    }
    await expect(send('ChangeUser', id, { name: 'X' }, first)).rejects.toMatchObject({ code: 'grant-exceeds-own' });
    for (const fields of [{ roleIds: [] }, { departmentId: null }, { isAdmin: false }]) {
      await expect(send('ChangeUser', id, fields, id)).rejects.toMatchObject({ code: 'own-privileges' });
    }
    await expect(send('CreateUser', id, body({ roleIds: [randomUUID()] }))).rejects.toMatchObject({ code: 'unknown-reference' });
    await expect(send('CreateUser', made.id, { nonsense: 1 })).rejects.toMatchObject({ code: 'forbidden' });
  });
});

describe('trees', () => {
  it.each([
    ['Department', 'parentId', (): object => ({ name: 'D' })],
    ['Role', 'extends', (): object => ({ name: 'R', grants: {} })],
  ] as const)('%s: two that are hung below each other at once make no circle', async (kind, field, body) => {
    for (let round = 0; round < 5; round += 1) {
      const one = (await send(`Create${kind}`, first, body())).id;
      const other = (await send(`Create${kind}`, first, body())).id;
      const outcomes = await Promise.allSettled([
        send(`Change${kind}`, first, { [field]: other }, one),
        send(`Change${kind}`, first, { [field]: one }, other),
      ]);
      expect(codesOf(outcomes)).toEqual(['ok', 'validation-failed']);
      await expect(send(`Change${kind}`, first, { [field]: randomUUID() }, one)).rejects.toMatchObject({
        code: 'unknown-reference',
      });
    }
  });

  it('a role gives with its parents nothing that its maker lacks', async () => {
    const maker = await newPerson({ roleIds: [await newRole({ roles: { edit: 'allowed' }, contact: { view: 'group' } })] });
    const wide = await newRole({ deal: { view: 'allowed' } });
    const body = { name: 'R', grants: { contact: { view: 'responsible' } } };
    const { id } = await send('CreateRole', maker, body);
    await expect(send('CreateRole', maker, { ...body, extends: wide })).rejects.toMatchObject({ code: 'grant-exceeds-own' });
    await expect(send('ChangeRole', maker, { extends: wide }, id)).rejects.toMatchObject({ code: 'grant-exceeds-own' });
    await expect(send('ChangeRole', maker, { grants: {} }, wide)).rejects.toMatchObject({ code: 'grant-exceeds-own' });
    await expect(send('ChangeRole', maker, { grants: { contact: { create: 'group' } } }, id)).rejects.toMatchObject({
      code: 'level-not-applicable',
    });
  });
});

describe('security settings', () => {
  const put = (change: object): Promise<AcceptedReply> =>
    send('ChangeSecuritySettings', first, { ...FIRST_SECURITY_SETTINGS, ...change });
  const stored = async (): Promise<unknown> => (await pool.query('SELECT settings, version FROM read.security')).rows[0];
  const limit = { measure: 'deal.opened', window: 'day', max: 30, action: 'deactivate' };

  it('change as a whole, and once', async () => {
    const ipAllowList = { enabled: true, exemptAdmins: false, entries: [{ cidr: '::FFFF:192.0.2.0/120', note: 'office' }] };
    await put({ ipAllowList });
    const kept = { ...ipAllowList, entries: [{ cidr: '192.0.2.0/24', note: 'office' }] };
    expect(await stored()).toEqual({ settings: { ...FIRST_SECURITY_SETTINGS, ipAllowList: kept }, version: 1 });
    const before = await authzVersion();
    expect(await put({ ipAllowList })).toMatchObject({ version: 1 });
    expect(await authzVersion()).toBe(before);
  });

  it.each([
    ['validation-failed', { timeZone: 'europe/moscow' }],
    ['validation-failed', { timeZone: 'Mars/Olympus' }],
    ['would-lock-you-out', { ipAllowList: { enabled: true, exemptAdmins: false, entries: [{ cidr: '10.0.0.0/8' }] } }],
    ['invalid-cidr', { ipAllowList: { enabled: true, exemptAdmins: true, entries: [{ cidr: '10.0.0.1/8' }] } }],
    ['empty-allow-list', { ipAllowList: { enabled: true, exemptAdmins: true, entries: [] } }],
    ['unknown-reference', { limits: [{ ...limit, scope: { userIds: [randomUUID()] } }] }],
    ['unknown-reference', { limits: [{ ...limit, scope: { roleIds: [randomUUID()] } }] }],
  ] as [string, { limits?: object[] }][])('are refused with %s (%#)', async (code, { limits, ...change }) => {
    const before = await stored();
    const activityMonitoring = { ...FIRST_SECURITY_SETTINGS.activityMonitoring, limits: limits ?? [] };
    await expect(put({ ...change, activityMonitoring })).rejects.toMatchObject({ code });
    expect(await stored()).toEqual(before);
  });

  it('take the names of places that moved their spelling', async () => {
    for (const timeZone of ['Asia/Kolkata', 'Europe/Kyiv', 'America/Sao_Paulo', 'UTC']) await put({ timeZone });
  });
});
