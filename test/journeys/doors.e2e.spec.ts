import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { HttpClient, startSystem, type System } from '#testing';
import { askFrom, listenFrom, type Ask } from './from-address.js';
import {
  answered,
  eventually,
  everyRow,
  made,
  newPassword,
  outcome,
  outcomeOf,
  Staff,
  unique,
  type Json,
  type Person,
} from './staff.js';

const [OFFICE, ELSEWHERE] = ['127.0.0.5', '127.0.0.6'];

interface Operation {
  readonly security?: readonly unknown[];
  readonly requestBody?: unknown;
  /** Of a refusal the description lists the codes. */
  readonly responses: Record<string, { readonly description: string }>;
}
interface ApiDocument {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: {
    readonly schemas: { readonly Problem: { readonly properties: { readonly code: { readonly enum: string[] } } } };
  };
}

describe('doors', () => {
  let system: System;
  let staff: Staff;
  let manager: Person;
  let open: Json;

  beforeAll(async () => {
    system = await startSystem();
    staff = await Staff.of(system);
    manager = await staff.person({
      grants: {
        contact: { view: 'allowed', create: 'allowed' },
        monitoring: { view: 'allowed' },
        apiTokens: { create: 'allowed' },
      },
    });
    open = await answered(200, staff.admin.get('/v1/settings/security'));
  }, 100_000);
  afterAll(() => system?.stop());
  afterEach(async () => {
    // From the machine's own address, which the tests never shut out of the administrator's session.
    await answered(200, staff.admin.put('/v1/settings/security', open));
  });

  const from = (address: string, method: string, path: string, ask: Ask = {}): Promise<string> =>
    askFrom(address, method, system.gatewayUrl + path, ask).then(outcomeOf);
  const allowList = (change: Json): Promise<string> =>
    outcome(staff.admin.put('/v1/settings/security', { ...open, ipAllowList: { ...(open['ipAllowList'] as Json), ...change } }));
  const entries = (...cidrs: string[]): Json => ({ entries: cidrs.map((cidr) => ({ cidr, note: '' })) });

  describe('the list of addresses', () => {
    it('holds for every request, from the next one on', async () => {
      const { token } = manager.client;
      const routes: Array<[string, string, unknown?]> = [
        ['GET', '/v1/contacts'],
        ['GET', `/v1/contacts/${randomUUID()}`],
        ['POST', '/v1/contacts', { name: 'x' }],
        ['POST', '/v1/contacts', '{"name":'],
        ['GET', '/v1/me'],
        ['GET', '/v1/settings/security'],
        ['GET', '/v1/alerts/stream'],
        ['GET', '/v1/events/stream'],
        ['DELETE', '/v1/sessions/current'],
      ];
      expect(await from(ELSEWHERE, 'GET', '/v1/contacts', { token })).toBe('200');
      expect(await allowList({ enabled: true, ...entries(OFFICE) })).toBe('200');
      for (const [method, path, body] of routes)
        expect([path, await from(ELSEWHERE, method, path, { token, body })]).toEqual([path, '403 ip-not-allowed']);
      expect(await from(OFFICE, 'GET', '/v1/contacts', { token })).toBe('200');
      expect(await from(ELSEWHERE, 'GET', '/v1/contacts', { token, headers: { 'x-forwarded-for': OFFICE } })).toBe(
        '403 ip-not-allowed',
      );
      expect(await from(OFFICE, 'GET', '/v1/contacts', { token, headers: { 'x-forwarded-for': ELSEWHERE } })).toBe('200');
      for (const range of ['127.0.0.4/30', '127.0.0.6/32', '::ffff:127.0.0.6', '::ffff:127.0.0.4/126']) {
        expect([range, await allowList({ enabled: true, ...entries(range) })]).toEqual([range, '200']);
        expect([range, await from(ELSEWHERE, 'GET', '/v1/contacts', { token })]).toEqual([range, '200']);
      }
      expect(await allowList({ enabled: true, ...entries('127.0.0.4/31') })).toBe('200');
      expect(await from(ELSEWHERE, 'GET', '/v1/contacts', { token })).toBe('403 ip-not-allowed');
    });

    it('holds for sign-in, alike for whatever was sent', async () => {
      expect(await allowList({ enabled: true, ...entries(OFFICE) })).toBe('200');
      const signIn = (address: string, email: string, password: string): Promise<string> =>
        from(address, 'POST', '/v1/sessions', { body: { email, password } });
      const { email, password } = manager;
      const refusals = await Promise.all([
        signIn(ELSEWHERE, email, password),
        signIn(ELSEWHERE, email, newPassword()),
        signIn(ELSEWHERE, `${unique('nobody')}@palisade.test`, password),
        signIn(ELSEWHERE, system.admin.email, newPassword()),
      ]);
      expect(new Set(refusals)).toEqual(new Set(['403 ip-not-allowed']));
      expect(await signIn(OFFICE, email, password)).toBe('201');
      expect(await signIn(OFFICE, email, newPassword())).toBe('401 invalid-credentials');
      expect(await signIn(ELSEWHERE, system.admin.email, system.admin.password)).toBe('201');
    });

    it('spares administrators’ sessions when told to, and locks no one out by mistake', async () => {
      const { token } = staff.admin;
      expect(await allowList({ enabled: true, ...entries(OFFICE) })).toBe('200');
      expect(await from(ELSEWHERE, 'GET', '/v1/users', { token })).toBe('200');
      expect(await allowList({ enabled: true, exemptAdmins: false, ...entries(OFFICE) })).toBe('409 would-lock-you-out');
      expect(await from(ELSEWHERE, 'GET', '/v1/users', { token })).toBe('200');
      expect(await allowList({ enabled: true, exemptAdmins: false, ...entries(OFFICE, '127.0.0.1') })).toBe('200');
      expect(await from(ELSEWHERE, 'GET', '/v1/users', { token })).toBe('403 ip-not-allowed');
      expect(await from(OFFICE, 'GET', '/v1/users', { token })).toBe('200');
    });

    it('takes entries that are clear, and an empty list only when that is meant', async () => {
      const wrong = [
        '010.1.1.1',
        '10.0.0.1/8',
        '::ffff:10.0.0.0/8',
        '1.2.3',
        '1.2.3.4/33',
        'fe80::1%eth0',
        '256.1.1.1',
        'office',
        '',
      ];
      for (const cidr of wrong) {
        const body = { ...open, ipAllowList: { ...(open['ipAllowList'] as Json), ...entries('10.0.0.1', cidr) } };
        const answer = await staff.admin.put<{ errors?: Array<{ path: string }> }>('/v1/settings/security', body);
        expect([cidr, outcomeOf(answer)]).toEqual([cidr, '422 invalid-cidr']);
        expect(answer.body.errors?.map(({ path }) => path)).toEqual([expect.stringMatching(/entries\.1/)]);
      }
      expect(await allowList({ enabled: true, entries: [] })).toBe('422 empty-allow-list');
      expect(await allowList({ enabled: true, entries: [], confirmEmpty: true })).toBe('200');
      expect(await from(OFFICE, 'GET', '/v1/contacts', { token: manager.client.token })).toBe('403 ip-not-allowed');
      expect(await from(OFFICE, 'GET', '/v1/users', { token: staff.admin.token })).toBe('200');
      expect(await allowList({ enabled: true, ...entries('2001:DB8:0:0::/32', '127.0.0.5/32') })).toBe('200');
      const kept = await answered(
        200,
        staff.admin.get<{ ipAllowList: { entries: Array<{ cidr: string }> } }>('/v1/settings/security'),
      );
      expect(kept.ipAllowList.entries.map(({ cidr }) => cidr)).toEqual(['2001:db8::/32', '127.0.0.5/32']);
    });

    it('ends streams that are open from elsewhere, before their next message', async () => {
      const url = `${system.gatewayUrl}/v1/alerts/stream`;
      const [near, far] = await Promise.all([
        listenFrom(OFFICE, url, manager.client.token),
        listenFrom(ELSEWHERE, url, manager.client.token),
      ]);
      expect(await allowList({ enabled: true, ...entries(OFFICE) })).toBe('200');
      await answered(
        200,
        staff.admin.put('/v1/settings/security', {
          ...open,
          hidePhones: false,
          ipAllowList: { enabled: true, exemptAdmins: true, ...entries(OFFICE) },
        }),
      );
      // Named by what it is about: alarms of what was saved before may come late.
      await eventually('the alarm in the office', () => Promise.resolve(near.text().includes('hidePhones') ? true : undefined));
      await far.ended;
      expect(far.text()).not.toContain('hidePhones');
      near.close();
    });
  });

  describe('API tokens', () => {
    type Token = { id: string; token: string };
    const tokenOf = async (client: HttpClient, more: Json = {}): Promise<Token> =>
      (await made(
        client.post('/v1/api-tokens', { name: unique('Token'), scopes: ['contacts:read'], ...more }),
      )) as unknown as Token;

    it('work for administrators only, while the switch says so', async () => {
      const [his, own] = await Promise.all([tokenOf(manager.client), tokenOf(staff.admin)]);
      expect([his.token.slice(0, 6), manager.client.token?.slice(0, 6)]).toEqual(['pls_t_', 'pls_s_']);
      const [api, adminApi] = [manager.client.withToken(his.token), staff.admin.withToken(own.token)];
      expect(await outcome(api.get('/v1/contacts'))).toBe('403 api-admins-only');
      expect(await outcome(adminApi.get('/v1/contacts'))).toBe('200');
      await answered(200, staff.admin.put('/v1/settings/security', { ...open, api: { adminsOnly: false } }));
      expect(await outcome(api.get('/v1/contacts'))).toBe('200');
      for (const [method, path] of [
        ['POST', '/v1/contacts'],
        ['GET', '/v1/deals'],
        ['GET', '/v1/sessions'],
        ['POST', '/v1/api-tokens'],
      ] as const)
        expect([path, await outcome(api.request(method, path, method === 'GET' ? {} : { body: {} }))]).toEqual([
          path,
          '403 scope-missing',
        ]);
      await answered(200, staff.admin.put('/v1/settings/security', open));
      expect(await outcome(api.get('/v1/contacts'))).toBe('403 api-admins-only');
      expect((await api.request('DELETE', `/v1/api-tokens/${his.id}`)).status).toBe(403);
      expect((await manager.client.delete(`/v1/api-tokens/${his.id}`)).status).toBe(204);
      expect(await outcome(api.get('/v1/contacts'))).toBe('401 unauthenticated');
    });

    it('are never exempt from the list, and have addresses of their own', async () => {
      const [free, bound] = await Promise.all([tokenOf(staff.admin), tokenOf(staff.admin, { cidrs: [OFFICE] })]);
      const read = (address: string, token: Token): Promise<string> =>
        from(address, 'GET', '/v1/contacts', { token: token.token });
      expect([await read(OFFICE, bound), await read(ELSEWHERE, bound)]).toEqual(['200', '403 ip-not-allowed']);
      expect(await allowList({ enabled: true, ...entries(ELSEWHERE) })).toBe('200');
      expect([await read(OFFICE, free), await read(ELSEWHERE, free)]).toEqual(['403 ip-not-allowed', '200']);
      expect([await read(OFFICE, bound), await read(ELSEWHERE, bound)]).toEqual(['403 ip-not-allowed', '403 ip-not-allowed']);
    });

    it('die with their owner', async () => {
      const second = await staff.person({ isAdmin: true });
      const { token } = await tokenOf(second.client);
      const api = second.client.withToken(token);
      expect(await outcome(api.get('/v1/contacts'))).toBe('200');
      await answered(200, staff.admin.post(`/v1/users/${second.id}/deactivate`, { reason: 'left the company' }));
      expect(await outcome(api.get('/v1/contacts'))).toBe('401 unauthenticated');
      await answered(200, staff.admin.post(`/v1/users/${second.id}/reactivate`, { reason: 'came back' }));
      expect(await outcome(api.get('/v1/contacts'))).toBe('401 unauthenticated');
    });
  });

  describe('every route', () => {
    let document: ApiDocument;
    let routes: Array<{ method: string; path: string; operation: Operation }>;
    beforeAll(async () => {
      document = await answered(200, new HttpClient(system.gatewayUrl).get<ApiDocument>('/openapi.json'));
      routes = Object.entries(document.paths).flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
      );
      expect(routes.length).toBeGreaterThan(50);
    });
    const isDocumented = ({ responses }: Operation, refusal: string): boolean => {
      const [status = '', code = ''] = refusal.split(' ');
      return responses[status]?.description.split(', ').includes(code) === true;
    };

    it('takes a token, unless it is public by the document', async () => {
      const stranger = new HttpClient(system.gatewayUrl);
      const forged = stranger.withToken(`pls_s_${'A'.repeat(43)}`);
      const isPublic = ({ operation }: (typeof routes)[number]): boolean => operation.security?.length === 0;
      expect(
        routes
          .filter(isPublic)
          .map(({ method, path }) => `${method} ${path}`)
          .sort(),
      ).toEqual([
        ...['GET /docs', 'GET /health/live', 'GET /health/ready', 'GET /metrics', 'GET /openapi.json'],
        ...['POST /v1/invitations/{token}', 'POST /v1/sessions'],
      ]);
      for (const { method, path } of routes.filter((route) => !isPublic(route))) {
        const url = path.replaceAll(/\{\w+\}/g, randomUUID());
        expect((await stranger.request(method, url)).headers.get('www-authenticate')).toBe('Bearer');
        for (const client of [stranger, forged])
          expect([
            method,
            path,
            await outcome(client.request(method, url, { body: method === 'GET' ? undefined : '{' })),
          ]).toEqual([...[method, path], '401 unauthenticated']);
      }
      for (const path of ['/v1/nothing', '/v1/contacts/x/y/z', '/', '/v1/%zz']) {
        expect([path, (await stranger.get(path)).status]).toEqual([path, 404]);
      }
      for (const method of ['PUT', 'DELETE'])
        expect(await outcome(staff.admin.request(method, '/v1/contacts'))).toBe('405 method-not-allowed');
    });

    it('answers what it cannot take with a problem, and changes nothing', async () => {
      const database = new pg.Client({ connectionString: system.connections.database.superuser });
      database.on('error', () => undefined);
      await database.connect();
      const state = async (): Promise<unknown> => {
        // Entries of the trail, of refusals among them, are copied into the log when their turn comes.
        const { rows } = await database.query<{ state: unknown }>(`SELECT jsonb_build_array(
          (SELECT count(*) FROM es.events WHERE type <> 'AuditRecorded'), (SELECT count(*) FROM es.commands), (SELECT jsonb_agg(s ORDER BY s.id) FROM access.sessions s),
          (SELECT count(*) FROM access.api_tokens), (SELECT jsonb_agg(c ORDER BY c.user_id) FROM access.credentials c)) AS state`);
        return rows[0]?.state;
      };
      // Which number a route is about is known before its body is judged.
      const points = { phones: [{ number: '+74950000000' }], emails: [{ address: 'a@example.org' }] };
      const contact = await made(staff.admin.post('/v1/contacts', { name: 'Contact', ...points }));
      const company = await made(staff.admin.post('/v1/companies', { name: 'Company', ...points }));
      const pointIds: Record<string, string | undefined> = Object.fromEntries(
        [contact, company].flatMap((card, index) =>
          (['phones', 'emails'] as const).map((list) => {
            const [point] = card[list] as { id: string }[];
            return [`/v1/${index === 0 ? 'contacts' : 'companies'}/{id}/${list}`, point?.id];
          }),
        ),
      );
      const ids: Record<string, string> = {
        users: (await staff.person()).id,
        departments: await staff.department(),
        roles: await staff.role({}),
        forms: (await made(staff.admin.post('/v1/forms', { name: 'Form' }))).id,
        contacts: contact.id,
        companies: company.id,
        deals: (await made(staff.admin.post('/v1/deals', { title: 'Deal' }))).id,
        pipelines: (await made(staff.admin.post('/v1/pipelines', { name: 'Pipeline', stages: [{ name: 'Stage' }] }))).id,
        invitations: 'pls_i_unknown',
      };
      const json = { 'content-type': 'application/json' };
      const sent: Array<[name: string, body: string | undefined, headers: Record<string, string>, answers: RegExp]> = [
        ['half an object', '{"name":', json, /^400 malformed-body$/],
        ['nothing', '', json, /^400 malformed-body$/],
        ['no body', undefined, {}, /^(400 malformed-body|415 unsupported-media-type)$/],
        ['two objects', '{}{}', json, /^400 malformed-body$/],
        ['a NaN', '{"name":NaN}', json, /^400 malformed-body$/],
        ['deep nesting', `${'['.repeat(50_000)}${']'.repeat(50_000)}`, json, /^(400|422) /],
        ['a list', '[]', json, /^422 /],
        ['null', 'null', json, /^422 /],
        ['a text', '"text"', json, /^422 /],
        ['an unknown field', '{"no-such-field":"PLANTED"}', json, /^422 /],
        // To each route its own field: half a pair is what is wrong with it, and nothing else.
        ['half a pair as a name', '{"name":"PLANTED\\ud800"}', json, /^422 /],
        ['half a pair as a reason', '{"reason":"PLANTED\\ud800"}', json, /^422 /],
        ['half a pair as a title', '{"title":"PLANTED\\udc00"}', json, /^422 /],
        ['__proto__', '{"__proto__":{"isAdmin":true}}', json, /^(400|422) /],
        [
          'wrong types',
          '{"name":{"PLANTED":1},"title":5,"email":[],"reason":7,"scopes":"PLANTED","responsibleId":5}',
          json,
          /^422 /,
        ],
        ['a form', 'name=PLANTED', { 'content-type': 'application/x-www-form-urlencoded' }, /^415 unsupported-media-type$/],
        ['another type', '{}', { 'content-type': 'text/plain' }, /^415 unsupported-media-type$/],
        ['a nonsense type', '{}', { 'content-type': 'nonsense' }, /^415 unsupported-media-type$/],
        ['too much', `{"name":"${'x'.repeat(1_200_000)}"}`, json, /^413 body-too-large$/],
      ];
      const before = await state();
      const codes = new Set(document.components.schemas.Problem.properties.code.enum);
      // A file to import is no JSON; what it is refused for stands in imports.e2e.
      const bodied = routes.filter(
        ({ method, path, operation }) => method !== 'GET' && operation.requestBody !== undefined && path !== '/v1/imports',
      );
      expect(bodied.length).toBeGreaterThan(20);
      const unexpected: unknown[] = [];
      for (const { method, path, operation } of bodied) {
        const [point] = /^.*\/(?:phones|emails)(?=\/\{)/.exec(path) ?? [''];
        const url = path
          .replace(/\{(?:phone|email)Id\}/, pointIds[point] ?? 'missing')
          .replaceAll(/\{\w+\}/g, () => ids[path.split('/')[2] ?? ''] ?? 'missing');
        for (const [name, body, headers, answers] of sent) {
          const answer = await staff.admin.request<{ code?: string }>(method, url, { body, headers });
          const given = outcomeOf(answer);
          // An unknown invitation may be told before the body is judged.
          const isUnknown = path.startsWith('/v1/invitations/') && given === '404 not-found';
          if (!isUnknown && !(answers.test(given) && codes.has(answer.body.code ?? '')))
            unexpected.push([method, path, name, given]);
          if (!isDocumented(operation, given)) unexpected.push([method, path, name, given, 'is not in the document']);
          if (answer.text.includes('PLANTED')) unexpected.push([method, path, name, 'echoes what was sent']);
        }
      }
      // What takes no body takes none that says something either: whoever sends one thinks that it counts.
      const bodiless = ['contacts', 'companies', 'deals', 'departments', 'roles', 'forms'].map((list) => ['DELETE', list, '']);
      for (const [method, list, act] of [...bodiless, ['POST', 'deals', '/win'], ['POST', 'forms', '/rotate-key']] as const) {
        const url = `/v1/${list}/${ids[list as string]}${act}`;
        for (const [body, answer] of [
          ['{"reason":"PLANTED"}', '422 validation-failed'],
          ['{', '400 malformed-body'],
        ] as const) {
          const given = await outcome(staff.admin.request(method as string, url, { body }));
          if (given !== answer) unexpected.push([method, url, body, given]);
        }
      }
      expect(unexpected).toEqual([]);
      expect(await state()).toEqual(before);
      await database.end();
    });

    it('answers queries and headers that it cannot take with a problem', async () => {
      const unexpected: unknown[] = [];
      const lists = routes.filter(({ method, path }) => method === 'GET' && path.startsWith('/v1/') && !path.includes('{'));
      for (const { path, operation } of lists.filter((route) => !route.path.endsWith('/stream'))) {
        const accepted = ['/v1/me', '/v1/settings/security', '/v1/monitoring/suggestions', '/v1/audit/proof'];
        if (accepted.includes(path)) continue;
        for (const query of [
          'limit=0',
          'limit=1e9',
          'limit=-1',
          'cursor=%00',
          'cursor=AAAA',
          'no-such=1',
          'limit=1&limit=2',
          'limit[]=1',
        ]) {
          const given = await outcome(staff.admin.get(`${path}?${query}`));
          if (!given.startsWith('422 ') || !isDocumented(operation, given)) unexpected.push([path, query, given]);
        }
      }
      expect(unexpected).toEqual([]);
      for (const path of ['/v1/alerts/stream', '/v1/events/stream', '/v1/monitoring/users/stream'])
        expect([path, await outcome(staff.admin.get(`${path}?no-such=1`))]).toEqual([path, '422 unknown-filter']);
      // Who is not there is told before the body is judged, also where part of the body is the gateway's own.
      expect(await outcome(staff.admin.request('PATCH', `/v1/users/${randomUUID()}`, { body: '{' }))).toBe('404 not-found');
      expect(await outcome(staff.admin.patch(`/v1/users/${randomUUID()}`, { password: 'short' }))).toBe('404 not-found');
      const { id } = await made(staff.admin.post('/v1/contacts', { name: 'Contact' }));
      for (const header of ['1', 'W/"1"', '"x"', '"1", "2"'])
        expect([header, await outcome(staff.admin.patch(`/v1/contacts/${id}`, { note: 'x' }, { 'if-match': header }))]).toEqual([
          header,
          '400 malformed-request',
        ]);
      const long = { 'idempotency-key': 'k'.repeat(256) };
      expect(await outcome(staff.admin.post('/v1/contacts', { name: 'x' }, long))).toMatch(/^4(00|22) /);
      expect((await everyRow(staff.admin, '/v1/contacts')).find((row) => row.id === id)?.version).toBe(1);
      for (const purpose of [{ 'sec-purpose': 'prefetch' }, { purpose: 'prefetch' }])
        expect(await outcome(staff.admin.get(`/v1/contacts/${id}`, purpose))).toBe('403 prefetch-refused');
    });
  });
});
