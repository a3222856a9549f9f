import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { FIRST_SECURITY_SETTINGS, type SecuritySettings } from '#contracts';
import { HttpClient, startSystem, type System } from '#testing';
import { AlarmWatch } from './alarm-watch.js';
import { answered, eventually, freshEmail, made, outcome, Staff, type Grants, type Json, type Person } from './staff.js';

/** Everything a manager works with, and nothing that is an administrator's. */
const RECORDS = { view: 'allowed', create: 'allowed', edit: 'allowed', delete: 'allowed', restore: 'allowed' } as const;
const MORE = { assign: 'allowed', export: 'allowed', call: 'allowed' } as const;
const MANAGER: Grants = {
  contact: { ...RECORDS, ...MORE },
  company: { ...RECORDS, ...MORE },
  deal: { ...RECORDS, ...MORE, move: 'allowed' },
  phone: { view: 'allowed', reveal: 'allowed' },
  email: { view: 'allowed', reveal: 'allowed' },
  attribution: { view: 'allowed' },
};

/** The only routes that are reached without signing in. Another one is a decision: it is added here by hand. */
const PUBLIC = [
  ...['get /docs', 'get /health/live', 'get /health/ready', 'get /metrics', 'get /openapi.json'],
  ...['post /v1/invitations/{token}', 'post /v1/sessions'],
];
/** Where somebody without any right of administration works. Whatever else there is refuses him. */
const MANAGERS = [
  /^\/v1\/(contacts|companies|deals)(?!\/\{id\}\/(erase|destruction-act)$)/,
  /^\/v1\/(me|sessions|lookups|calls|exports|events)(\/|$)/,
  /^\/v1\/api-tokens\/\{id\}$/,
];
/** His own list of tokens, though he may make none. */
const MANAGERS_TOO = ['get /v1/api-tokens', 'get /v1/custom-fields'];

interface Operation {
  readonly security?: readonly unknown[];
}
interface Route {
  readonly method: string;
  readonly path: string;
  readonly isPublic: boolean;
}

describe('administration', () => {
  let system: System;
  let staff: Staff;
  let manager: Person;
  let routes: readonly Route[];

  beforeAll(async () => {
    system = await startSystem();
    staff = await Staff.of(system);
    manager = await staff.person({ grants: MANAGER });
    const { body } = await new HttpClient(system.gatewayUrl).get<{ paths: Record<string, Record<string, Operation>> }>(
      '/openapi.json',
    );
    routes = Object.entries(body.paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, { security }]) => ({ method, path, isPublic: security?.length === 0 })),
    );
  }, 100_000);
  afterAll(() => system?.stop());

  const nameOf = ({ method, path }: Route): string => `${method} ${path}`;
  const ask = (client: HttpClient, { method, path }: Route): Promise<string> =>
    outcome(
      client.request(
        method.toUpperCase(),
        path.replaceAll(/\{[^}]+\}/g, () => randomUUID()),
      ),
    );

  describe('every route of the running service', () => {
    it('is told by its own document, and the public ones are these', () => {
      expect(routes.length).toBeGreaterThan(40);
      expect(
        routes
          .filter(({ isPublic }) => isPublic)
          .map(nameOf)
          .sort(),
      ).toEqual(PUBLIC);
    });

    it('answers 401 without a session, unless it is public', async () => {
      const stranger = new HttpClient(system.gatewayUrl);
      const forger = stranger.withToken(`pls_s_${'A'.repeat(43)}`);
      for (const route of routes.filter(({ isPublic }) => !isPublic)) {
        expect([nameOf(route), await ask(stranger, route), await ask(forger, route)]).toEqual([
          nameOf(route),
          '401 unauthenticated',
          '401 unauthenticated',
        ]);
      }
    });

    it('refuses a manager what is an administrator’s', async () => {
      const isManagers = (route: Route): boolean =>
        MANAGERS.some((pattern) => pattern.test(route.path)) || MANAGERS_TOO.includes(nameOf(route));
      const others = routes.filter((route) => !route.isPublic && !isManagers(route));
      for (const route of others)
        expect([nameOf(route), await ask(manager.client, route)]).toEqual([nameOf(route), '403 forbidden']);
      expect(others.map(nameOf)).toEqual(
        expect.arrayContaining([
          'get /v1/users',
          'put /v1/settings/security',
          'post /v1/access/explain',
          'put /v1/departments/{id}/roles',
        ]),
      );
    });
  });

  describe('security settings', () => {
    const path = '/v1/settings/security';
    const read = () => answered(200, staff.admin.get<SecuritySettings & Json>(path));
    const limit = { measure: 'deal.opened', window: 'hour', max: 30, action: 'alert', scope: { everyone: true } };

    it('are those of a first start, and are replaced on the version that was seen', async () => {
      const first = await staff.admin.get<SecuritySettings>(path);
      expect(first.body).toEqual(FIRST_SECURITY_SETTINGS);
      expect(first.headers.get('etag')).toBe('"0"');
      const changed = { ...first.body, defaultRegion: 'KZ' };
      const put = await staff.admin.put(path, changed, { 'if-match': '"0"' });
      expect([put.status, put.headers.get('etag'), put.body]).toEqual([200, '"1"', changed]);
      expect(await outcome(staff.admin.put(path, first.body, { 'if-match': '"0"' }))).toBe('412 version-conflict');
      // The same again is no change, whatever the version.
      const again = await staff.admin.put(path, changed);
      expect([again.status, again.headers.get('etag')]).toEqual([200, '"1"']);
      await answered(200, staff.admin.put(path, first.body));
    });

    const part = <Name extends 'ipAllowList' | 'api' | 'activityMonitoring'>(name: Name, change: object): Json => ({
      [name]: { ...FIRST_SECURITY_SETTINGS[name], ...change },
    });
    const limits = (...list: object[]): Json => part('activityMonitoring', { limits: list });
    const wrong: Array<[path: string, change: Json]> = [
      ['timeZone', { timeZone: 'Mars/Olympus' }],
      ['timeZone', { timeZone: 7 }],
      ['defaultRegion', { defaultRegion: 'ru' }],
      ['defaultRegion', { defaultRegion: 'XX' }],
      ['hidePhones', { hidePhones: 'true' }],
      ['hideEmails', { hideEmails: null }],
      ['hideEmails', { hideEmails: undefined }],
      ['', { colour: 'red' }],
      ['ipAllowList', { ipAllowList: [] }],
      ['ipAllowList.enabled', part('ipAllowList', { enabled: 1 })],
      ['ipAllowList.exemptAdmins', part('ipAllowList', { exemptAdmins: 'no' })],
      ['ipAllowList', part('ipAllowList', { more: true })],
      ['ipAllowList.confirmEmpty', part('ipAllowList', { confirmEmpty: 'yes' })],
      ['ipAllowList.entries', part('ipAllowList', { entries: {} })],
      ['ipAllowList.entries.1.cidr', part('ipAllowList', { entries: [{ cidr: '10.0.0.0/8' }, { cidr: '10.0.0.1/8' }] })],
      ['ipAllowList.entries.0.note', part('ipAllowList', { entries: [{ cidr: '10.0.0.0/8', note: 5 }] })],
      ['api.adminsOnly', part('api', { adminsOnly: 'true' })],
      ['api', part('api', { more: 1 })],
      ['activityMonitoring.enabled', part('activityMonitoring', { enabled: 'yes' })],
      ['activityMonitoring.windowing', part('activityMonitoring', { windowing: 'weekly' })],
      ['activityMonitoring.counting', part('activityMonitoring', { counting: 'twice' })],
      ['activityMonitoring.exemptAdmins', part('activityMonitoring', { exemptAdmins: 0 })],
      ['activityMonitoring.limits', part('activityMonitoring', { limits: 'none' })],
      ['activityMonitoring.limits.0.measure', limits({ ...limit, measure: 'coffee.drunk' })],
      ['activityMonitoring.limits.0.window', limits({ ...limit, window: 'week' })],
      ['activityMonitoring.limits.1.max', limits(limit, { ...limit, max: -1 })],
      ['activityMonitoring.limits.0.max', limits({ ...limit, max: 1.5 })],
      ['activityMonitoring.limits.0.action', limits({ ...limit, action: 'shout' })],
      ['activityMonitoring.limits.0.scope', limits({ ...limit, scope: {} })],
      ['activityMonitoring.limits.0.scope', limits({ ...limit, scope: { everyone: true, roleIds: [randomUUID()] } })],
      ['activityMonitoring.limits.0.scope.roleIds', limits({ ...limit, scope: { roleIds: [randomUUID()] } })],
      ['activityMonitoring.limits.0.scope.userIds', limits({ ...limit, scope: { userIds: [randomUUID()] } })],
      ['activityMonitoring.limits.0', limits({ ...limit, more: 1 })],
    ];
    it.each(wrong)('are refused whole when %s is wrong (%#)', async (field, change) => {
      const before = await staff.admin.get(path);
      const answer = await staff.admin.put<{ errors: { path: string }[] }>(path, { ...before.body, ...change });
      expect([answer.status, answer.body.errors.map((error) => error.path)]).toEqual([422, [field]]);
      const after = await staff.admin.get(path);
      expect([after.body, after.headers.get('etag')]).toEqual([before.body, before.headers.get('etag')]);
    });

    it('made weaker are told to administrators, and stand in the log with before and after', async () => {
      const watch = await AlarmWatch.open(staff.admin);
      const { body: me } = await staff.admin.get<{ user: { id: string } }>('/v1/me');
      const before = await read();
      const after = { ...before, hidePhones: false, api: { adminsOnly: false } };
      await answered(200, staff.admin.put(path, after));
      const [alarm] = await eventually('the alarm', () => {
        const alarms = watch.about('settings.weakened', me.user.id);
        return Promise.resolve(alarms.length > 0 ? alarms : undefined);
      });
      expect(alarm?.['message']).toBe('Protections were weakened: hidePhones, api.adminsOnly.');
      await answered(200, staff.admin.put(path, before));
      const database = new pg.Client({ connectionString: system.connections.database.superuser });
      await database.connect();
      const { rows } = await database.query<{ data: Json }>(
        `SELECT data FROM es.events WHERE type = 'SecuritySettingsChanged' AND data->'weakened' <> '[]' ORDER BY seq`,
      );
      await database.end();
      expect(rows.map(({ data }) => data)).toEqual([{ before, settings: after, weakened: ['hidePhones', 'api.adminsOnly'] }]);
      // Made stricter again: no second alarm.
      expect(watch.about('settings.weakened', me.user.id)).toHaveLength(1);
      await watch.close();
    });
  });

  describe('roles', () => {
    it.each([
      ['grants.contact.view', { contact: { view: 'sometimes' } }, 'validation-failed'],
      ['grants.contact.fly', { contact: { fly: 'allowed' } }, 'validation-failed'],
      ['grants.weather', { weather: { view: 'allowed' } }, 'validation-failed'],
      ['grants.settings.edit', { settings: { edit: 'group' } }, 'level-not-applicable'],
      ['grants.deal.create', { deal: { create: 'responsible' } }, 'level-not-applicable'],
      ['grants.leads.accept', { leads: { accept: 'group' } }, 'level-not-applicable'],
    ])('are refused whole when %s is wrong', async (field, grants, code) => {
      const id = await staff.role({ contact: { view: 'group' } });
      const body = { contact: { edit: 'group' }, ...grants };
      for (const answer of [
        await staff.admin.post<{ code: string; errors: { path: string }[] }>('/v1/roles', { name: 'R', grants: body }),
        await staff.admin.patch<{ code: string; errors: { path: string }[] }>(`/v1/roles/${id}`, { name: 'R', grants: body }),
      ]) {
        expect([answer.status, answer.body.code, answer.body.errors.map((error) => error.path)]).toEqual([422, code, [field]]);
      }
      expect(await answered(200, staff.admin.get(`/v1/roles/${id}`))).toMatchObject({ grants: { contact: { view: 'group' } } });
    });

    it('that come to show whole numbers or addresses are told to administrators, whichever way they come to it', async () => {
      const watch = await AlarmWatch.open(staff.admin);
      const { body: me } = await staff.admin.get<{ user: { id: string } }>('/v1/me');
      const told = (count: number): Promise<unknown[]> =>
        eventually(`${count} alarms`, () => {
          const alarms = watch.about('settings.weakened', me.user.id).map(({ message }) => message);
          return Promise.resolve(alarms.length >= count ? alarms : undefined);
        });
      const [role, child] = [await staff.role({ contact: { view: 'group' } }), await staff.role({ contact: { view: 'group' } })];
      const change = (id: string, body: Json): Promise<unknown> => answered(200, staff.admin.patch(`/v1/roles/${id}`, body));
      await change(role, { grants: { contact: { view: 'group' }, phone: { view: 'group' } } });
      await told(1);
      await change(role, { grants: { contact: { view: 'group' }, phone: { view: 'allowed' }, email: { view: 'responsible' } } });
      await told(2);
      // As wide as before, or narrower: nothing is weaker.
      await change(role, { grants: { contact: { view: 'allowed' }, phone: { view: 'group' }, email: { view: 'responsible' } } });
      await change(child, { extends: role });
      expect(await told(3)).toEqual([
        'Protections were weakened: grant.phone.view.',
        'Protections were weakened: grant.phone.view, grant.email.view.',
        'Protections were weakened: grant.phone.view, grant.email.view.',
      ]);

      // So do people and departments that such a role is given to, each change once.
      const phones = await staff.role({ phone: { view: 'group' } });
      await told(4);
      const [above, below] = [await staff.department(), await staff.department()];
      const [one, other] = [await staff.person(), await staff.person({ departmentId: below })];
      const give = (id: string, body: Json): Promise<unknown> => answered(200, staff.admin.patch(`/v1/users/${id}`, body));
      const rolesOf = (id: string, ...roleIds: string[]): Promise<unknown> =>
        answered(200, staff.admin.put(`/v1/departments/${id}/roles`, { roleIds }));
      const acts: readonly (() => Promise<unknown>)[] = [
        () => give(one.id, { roleIds: [phones] }),
        () => rolesOf(above, phones),
        () => answered(200, staff.admin.patch(`/v1/departments/${below}`, { parentId: above })),
        () => give(one.id, { roleIds: [role] }),
        () => staff.person({ roleIds: [phones] }),
        async () => made(staff.admin.post('/v1/users', { email: freshEmail(), name: 'Invited', departmentId: above })),
      ];
      for (const [index, act] of acts.entries()) {
        await act();
        expect(await told(5 + index)).toHaveLength(5 + index);
      }
      // Had already, had as widely, or had elsewhere: nobody sees more by it.
      await give(one.id, { departmentId: below });
      await give(other.id, { roleIds: [phones] });
      await give(one.id, { roleIds: [], name: 'Renamed' });
      await rolesOf(below, phones);
      await rolesOf(below);
      // An administrator sees no more by it, and may give himself whatever he likes.
      await give(one.id, { isAdmin: true });
      await told(11);
      await change(child, { grants: { phone: { view: 'allowed' } } });
      await told(12);
      // What tells of all this to somebody outside.
      const hook = await made(
        staff.admin.post('/v1/webhooks', { url: 'https://hooks.invalid/alarms', types: ['settings.weakened'] }),
      );
      await answered(204, staff.admin.delete(`/v1/webhooks/${hook.id}`));
      await told(13);
      // Who comes back may be shown as much as anybody once more.
      await answered(200, staff.admin.post(`/v1/users/${other.id}/deactivate`, { reason: 'a day off' }));
      await answered(200, staff.admin.post(`/v1/users/${other.id}/reactivate`, { reason: 'back again' }));
      const all = await told(14);
      const weakened = (name: string): string => `Protections were weakened: ${name}.`;
      const phone = weakened('grant.phone.view');
      expect(all.slice(4)).toEqual([
        ...[phone, phone, phone, weakened('grant.email.view'), phone, phone],
        ...[weakened('administrators'), phone, weakened('webhooks'), weakened('counts')],
      ]);
      const { items } = await answered(
        200,
        staff.admin.get<{ items: { details: Json }[] }>(`/v1/audit?type=user.changed&limit=20`),
      );
      const given = items
        .map(({ details }) => details)
        .filter(({ userId, weakened }) => userId === one.id && weakened !== undefined);
      expect(given.map(({ weakened }) => weakened)).toEqual([
        [{ name: 'grant.email.view', before: 'forbidden', after: 'responsible' }],
        [{ name: 'grant.phone.view', before: 'forbidden', after: 'group' }],
      ]);
      await watch.close();
    });

    it('and departments make no circles', async () => {
      const [one, other] = [await staff.role({}), await staff.role({})];
      await answered(200, staff.admin.patch(`/v1/roles/${one}`, { extends: other }));
      const [top, below] = [await staff.department(), await staff.department()];
      await answered(200, staff.admin.patch(`/v1/departments/${below}`, { parentId: top }));
      const circles: Array<[string, Json, string]> = [
        [`/v1/roles/${other}`, { extends: one }, 'extends'],
        [`/v1/roles/${one}`, { extends: one }, 'extends'],
        [`/v1/departments/${top}`, { parentId: below }, 'parentId'],
        [`/v1/departments/${top}`, { parentId: top }, 'parentId'],
      ];
      for (const [path, body, field] of circles) {
        const answer = await staff.admin.patch<{ code: string; errors: { path: string }[] }>(path, body);
        expect([answer.status, answer.body.errors.map((error) => error.path)]).toEqual([422, [field]]);
      }
    });
  });
});
