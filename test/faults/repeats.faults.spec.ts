import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { localKeyWrapper, wrappedWith } from '#privacy';
import { startSystem, type HttpAnswer, type HttpClient, type System } from '#testing';
import {
  answered,
  eventually,
  freshNumber,
  made,
  newPassword,
  outcomeOf,
  Staff,
  unique,
  type Json,
  type Made,
} from '../journeys/staff.js';

const ROOT = join(import.meta.dirname, '..', '..');
const run = promisify(execFile);

describe('the same request again', () => {
  let system: System;
  let staff: Staff;
  let database: pg.Client;

  beforeAll(async () => {
    system = await startSystem({ cores: 2, gateways: 2 });
    staff = await Staff.of(system);
    database = new pg.Client({ connectionString: system.connections.database.superuser });
    database.on('error', () => undefined);
    await database.connect();
  }, 100_000);
  afterAll(async () => {
    await database?.end();
    await system?.stop();
  });

  const counted = async (): Promise<Json> =>
    (
      await database.query<Json>(`SELECT (SELECT count(*)::int FROM es.events WHERE type <> 'AuditRecorded') AS events,
        (SELECT count(*)::int FROM access.invitations) AS invitations, (SELECT count(*)::int FROM access.credentials) AS credentials,
        (SELECT count(*)::int FROM access.api_tokens) AS tokens`)
    ).rows[0] as Json;
  const record = (type: 'contacts' | 'companies' | 'deals'): Promise<Made> =>
    made(staff.admin.post(`/v1/${type}`, type === 'deals' ? { title: 'Deal' } : { name: 'Name' }));
  const anotherStage = async (): Promise<string> => {
    const { items } = await answered(200, staff.admin.get<{ items: { stages: { id: string }[] }[] }>('/v1/pipelines'));
    return String(items[0]?.stages[1]?.id);
  };

  /** A route that creates or acts: its path, the body, and another body. */
  const ROUTES: readonly (readonly [string, () => Promise<readonly [string, Json, Json]>])[] = [
    ['POST contacts', () => Promise.resolve(['/v1/contacts', { name: 'A' }, { name: 'B' }])],
    ['POST companies', () => Promise.resolve(['/v1/companies', { name: 'A' }, { name: 'B' }])],
    ['POST deals', () => Promise.resolve(['/v1/deals', { title: 'A' }, { title: 'B' }])],
    [
      'restore',
      async () => {
        const { id } = await record('contacts');
        await answered(200, staff.admin.delete(`/v1/contacts/${id}`));
        return [`/v1/contacts/${id}/restore`, {}, { other: true }];
      },
    ],
    [
      'assign',
      async () => [`/v1/companies/${(await record('companies')).id}/assign`, { responsibleId: null }, { responsibleId: 'x' }],
    ],
    ['move', async () => [`/v1/deals/${(await record('deals')).id}/move`, { stageId: await anotherStage() }, { stageId: 'x' }]],
    [
      'POST users',
      () => {
        const body = { email: `${unique('p').toLowerCase()}@palisade.test`, name: 'P', password: newPassword() };
        return Promise.resolve(['/v1/users', body, { ...body, name: 'Q' }]);
      },
    ],
    [
      'POST users, invited',
      () => {
        const body = { email: `${unique('p').toLowerCase()}@palisade.test`, name: 'P' };
        return Promise.resolve(['/v1/users', body, { ...body, name: 'Q' }]);
      },
    ],
    ['deactivate', async () => [`/v1/users/${(await staff.person()).id}/deactivate`, { reason: 'gone' }, { reason: 'other' }]],
    [
      'reactivate',
      async () => {
        const { id } = await staff.person();
        await answered(200, staff.admin.post(`/v1/users/${id}/deactivate`, { reason: 'gone' }));
        return [`/v1/users/${id}/reactivate`, { reason: 'back' }, { reason: 'other' }];
      },
    ],
    ['POST departments', () => Promise.resolve(['/v1/departments', { name: unique('D') }, { name: unique('D') }])],
    ['POST roles', () => Promise.resolve(['/v1/roles', { name: unique('R'), grants: {} }, { name: unique('R'), grants: {} }])],
    ['POST forms', () => Promise.resolve(['/v1/forms', { name: 'A' }, { name: 'B' }])],
    [
      'POST api-tokens',
      () => Promise.resolve(['/v1/api-tokens', { name: 'A', scopes: ['users:read'] }, { name: 'B', scopes: ['users:read'] }]),
    ],
  ];

  it.each(ROUTES)('of %s: the first outcome, nothing done twice, secrets given once', async (_, ask) => {
    const [path, body, otherBody] = await ask();
    const headers = { 'idempotency-key': unique('key') };
    const other = staff.admin.at(system.gatewayUrls[1] as string);
    const first = await staff.admin.request<Json>('POST', path, { body, headers });
    expect(first.status).toBeLessThan(300);
    const before = await counted();
    const again = await other.request<Json>('POST', path, { body, headers });
    const { inviteToken: _invited, token: _token, ...told } = first.body;
    expect([again.status, again.headers.get('etag')]).toEqual([first.status, first.headers.get('etag')]);
    expect(again.body).toEqual(told);
    expect(outcomeOf(await other.request('POST', path, { body: otherBody, headers }))).toBe('422 idempotency-key-reused');
    expect(await counted()).toEqual(before);
  });

  it('on another route or by another person is another request', async () => {
    const headers = { 'idempotency-key': unique('key') };
    const person = await staff.person({ grants: { contact: { create: 'allowed', view: 'allowed' } } });
    const body = { name: 'Name' };
    const ids = await Promise.all(
      [
        staff.admin.request<Made>('POST', '/v1/contacts', { body, headers }),
        staff.admin.request<Made>('POST', '/v1/companies', { body, headers }),
        person.client.request<Made>('POST', '/v1/contacts', { body, headers }),
      ].map(async (answer) => (await answered(201, answer)).id),
    );
    expect(new Set(ids).size).toBe(3);
  });

  it('is rendered under the rights of now', async () => {
    const person = await staff.person({ grants: { contact: { create: 'allowed', view: 'responsible', assign: 'allowed' } } });
    const request = { body: { name: 'Name' }, headers: { 'idempotency-key': unique('key') } };
    const { id } = await answered(201, person.client.request<Made>('POST', '/v1/contacts', request));
    await answered(200, staff.admin.post(`/v1/contacts/${id}/assign`, { responsibleId: null }));
    expect(outcomeOf(await person.client.request('POST', '/v1/contacts', request))).toBe('404 not-found');
  });

  it('finishes what was left when core or gateway were killed: each deal given away once, and counted once', async () => {
    const people = await Promise.all([staff.person(), staff.person()]);
    const client = system.gatewayUrls.map((url) => staff.admin.at(url));
    const deals: Made[] = [];
    while (deals.length < 60) deals.push(await record('deals'));
    let doubts = 0;
    let given = 0;
    const give = async (id: string, n: number): Promise<void> => {
      const request = {
        body: { responsibleId: people[n % 2]?.id },
        headers: { 'idempotency-key': `give-${id}` },
        timeoutMs: 3_000,
      };
      let gateway = n;
      const answer = await eventually(
        'an answer',
        async () => {
          const sent = await (client[gateway++ % 2] as HttpClient)
            .request<Json>('POST', `/v1/deals/${id}/assign`, request)
            .catch(() => undefined);
          const isOpen = sent === undefined || sent.status === 503 || sent.text.includes('idempotency-in-progress');
          if (isOpen) doubts += 1;
          return isOpen ? undefined : sent;
        },
        60_000,
      );
      expect([answer.status, answer.body['version']]).toEqual([200, 2]);
      given += 1;
    };
    const queue = [...deals.entries()];
    const giver = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) await give(next[1].id, next[0]);
    };
    const givers = Promise.all(Array.from({ length: 6 }, giver));
    for (const [service, instance] of [
      ['crm-core', 0],
      ['access-gateway', 1],
      ['crm-core', 1],
      ['access-gateway', 0],
    ] as const) {
      const goal = given + 8;
      await eventually('some to be given', () => Promise.resolve(given >= goal ? true : undefined), 30_000);
      await system.kill(service, instance);
    }
    await givers;
    await system.waitUntilReady();
    expect(doubts).toBeGreaterThan(0);
    const ids = deals.map(({ id }) => id);
    const events = await database.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM es.events WHERE stream = ANY($1) GROUP BY stream`,
      [ids.map((id) => `deal-${id}`)],
    );
    expect(events.rows.map(({ count }) => count)).toEqual(ids.map(() => 2));
    const disclosures = await database.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM watch.disclosures WHERE kind = 'reassignment' AND subject_ids[1] = ANY($1::uuid[])
       GROUP BY subject_ids`,
      [ids],
    );
    expect(disclosures.rows.map(({ count }) => count)).toEqual(ids.map(() => 1));
  }, 120_000);

  it('and the key-encryption key is rotated under all this: nobody notices, and the old one opens nothing', async () => {
    await staff.settings({ hidePhones: false });
    const keyDir = join(system.dataDir, 'keys');
    const old = Buffer.from(readFileSync(join(keyDir, 'kek'), 'utf8'), 'base64');
    const numbers = new Map<string, string>();
    const strange: string[] = [];
    const readBack = async (id: string): Promise<void> => {
      const card = await staff.admin.get<{ phones: { number?: string }[] }>(`/v1/contacts/${id}`);
      if (card.body.phones?.[0]?.number !== numbers.get(id)) strange.push(`${card.status} without its number`);
    };
    const writeAndRead = async (): Promise<void> => {
      const number = freshNumber();
      const answer: HttpAnswer<Made> = await staff.admin.post<Made>('/v1/contacts', { name: 'Name', phones: [{ number }] });
      if (answer.status !== 201) return void strange.push(answer.text.slice(0, 200));
      numbers.set(answer.body.id, number);
      await readBack(answer.body.id);
      await readBack([...numbers.keys()][Math.floor(Math.random() * numbers.size)] as string);
    };
    for (let n = 0; n < 20; n += 1) await writeAndRead();
    let isOver = false;
    const client = async (): Promise<void> => {
      while (!isOver) await writeAndRead();
    };
    const clients = Promise.all([client(), client(), client()]);
    const env = { ...process.env, PALISADE_DATA_DIR: system.dataDir };
    const rotation = await run('npm', ['run', '--silent', 'rotate-keys'], { cwd: ROOT, env });
    expect(rotation.stdout).toMatch(/^done: \d+ data keys wrapped anew/m);
    const goal = numbers.size + 20;
    await eventually('more contacts', () => Promise.resolve(numbers.size >= goal ? true : undefined), 60_000);
    isOver = true;
    await clients;
    expect(strange).toEqual([]);
    expect(readdirSync(keyDir).filter((name) => name.startsWith('kek'))).toEqual(['kek']);
    const { rows } = await database.query<{ owner: string; wrapped: Buffer }>('SELECT owner, wrapped FROM vault.keys');
    expect(rows.length).toBeGreaterThan(numbers.size);
    for (const { owner, wrapped } of rows)
      expect(() => localKeyWrapper(old, wrappedWith(wrapped)).unwrap(wrapped, owner)).toThrow();

    // Cores that know nothing but the folder open all of it.
    for (const instance of [0, 1]) await system.kill('crm-core', instance);
    await system.waitUntilReady();
    await eventually('core to answer', async () =>
      (await staff.admin.post('/v1/contacts', { name: 'Name' })).status === 201 ? true : undefined,
    );
    for (const id of [...numbers.keys()].slice(0, 30)) await readBack(id);
    expect(strange).toEqual([]);
  }, 120_000);
});
