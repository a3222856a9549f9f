import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { HttpClient, startSystem, type HttpAnswer, type System } from '#testing';
import { AlarmReceiver } from './alarm-receiver.js';
import { AlarmWatch, type Alarm } from './alarm-watch.js';
import { whileBrokerStands } from './broker-pause.js';
import { DOOR_GRANTS, HeldExports, OpenDoors, PART_ROWS, type Way } from './open-doors.js';
import {
  answered,
  eventually,
  everyRow,
  made,
  newPassword,
  outcome,
  outcomeOf,
  persistently,
  Staff,
  unique,
  type Json,
  type Person,
} from './staff.js';

const LIMIT = 20;
const CARDS = 40;
const OPENINGS = 200;

/** Something else than what is waited for, a turn later. */
const notYet = (): Promise<undefined> => new Promise((resolve) => setImmediate(() => resolve(undefined)));

interface Scrape {
  readonly served: ReadonlySet<string>;
  readonly refusals: ReadonlySet<string>;
}

describe('the watched path', () => {
  let system: System;
  let staff: Staff;
  let watch: AlarmWatch;
  let database: pg.Client;
  let cards: string[];

  beforeAll(async () => {
    system = await startSystem({ gateways: 2, monitors: 2, env: { PALISADE_ALLOW_PRIVATE_TARGETS: 'true' } });
    staff = await Staff.of(system);
    database = new pg.Client({ connectionString: system.connections.database.superuser });
    await database.connect();
    const making = Array.from({ length: CARDS }, (_, index) =>
      made(persistently(() => staff.admin.post('/v1/contacts', { name: `Card ${index}` }))),
    );
    cards = (await Promise.all(making)).map(({ id }) => id);
    const limit = { measure: 'contact.opened', window: 'hour', max: LIMIT, action: 'deactivate', scope: { everyone: true } };
    await staff.monitoring({ limits: [limit] });
    watch = await AlarmWatch.open(staff.admin);
  }, 120_000);
  afterAll(async () => {
    await watch?.close();
    await database?.end();
    await system?.stop();
  });

  const manager = (): Promise<Person> => staff.person({ grants: { contact: { view: 'allowed' } } });
  const onAll = (person: Person): HttpClient[] => system.gatewayUrls.map((url) => person.client.at(url));

  /** All cards, again and again, side by side over both gateways. Throws on a body that is not the card it should be. */
  async function scrape(person: Person, openings = OPENINGS, patienceMs = 20_000): Promise<Scrape> {
    const clients = onAll(person);
    const asked = Array.from({ length: openings }, async (_, index): Promise<[string, HttpAnswer<Json>]> => {
      const id = cards[index % CARDS] as string;
      const client = clients[Math.floor(index / CARDS) % clients.length] as HttpClient;
      return [id, await persistently(() => client.get(`/v1/contacts/${id}`), patienceMs)];
    });
    const served = new Set<string>();
    const refusals = new Set<string>();
    for (const [id, answer] of await Promise.all(asked)) {
      if (answer.status === 200) {
        if (answer.body['id'] !== id) throw new Error('the wrong card');
        served.add(id);
      } else {
        if (answer.text.includes('Card ')) throw new Error('a refusal with something of a card');
        refusals.add(outcomeOf(answer));
      }
    }
    return { served, refusals };
  }

  const alarmsOf = async (person: Person): Promise<Alarm[]> =>
    (await everyRow<Alarm>(staff.admin, '/v1/alerts')).filter(
      ({ type, userId }) => type === 'user.deactivated' && userId === person.id,
    );
  const streamed = (person: Person): Alarm[] => watch.about('user.deactivated', person.id);

  /** The alarm on the stream and in the list, once each, with its figures. */
  async function alarmOf(person: Person): Promise<Alarm> {
    const alarm = await eventually('the alarm on the stream', () => Promise.resolve(streamed(person)[0]), 20_000);
    const listed = await eventually('the alarm in the list', async () =>
      (await alarmsOf(person)).find((one) => one['cutOffMs'] !== undefined),
    );
    expect(await alarmsOf(person)).toHaveLength(1);
    expect(streamed(person)).toHaveLength(1);
    expect(listed.id).toBe(alarm.id);
    expect(listed).toMatchObject({ measure: 'contact.opened', window: 'hour', limit: LIMIT, severity: 'critical' });
    expect(listed['count']).toEqual(expect.any(Number));
    return listed;
  }

  /** What the ledger says that he saw is exactly what he was sent. */
  async function expectLedger(person: Person, served: ReadonlySet<string>): Promise<void> {
    interface Ledger {
      items: Array<{ subjectId: string; kind: string; masked: boolean; userId: string }>;
      distinctSubjects: number;
    }
    const ledger = await eventually('the ledger', async () => {
      const body = await answered(200, staff.admin.get<Ledger>(`/v1/exposure?userId=${person.id}&limit=200`));
      return body.distinctSubjects >= served.size ? body : undefined;
    });
    expect(ledger.distinctSubjects).toBe(served.size);
    expect(new Set(ledger.items.map(({ subjectId }) => subjectId))).toEqual(served);
    expect(ledger.items.every(({ kind, masked, userId }) => kind === 'card' && masked && userId === person.id)).toBe(true);
  }

  /** Signed out everywhere, and not let in again. */
  async function expectCutOff(person: Person): Promise<void> {
    for (const client of onAll(person)) {
      await eventually('the end of the session', async () =>
        (await outcome(client.get(`/v1/contacts/${cards[0]}`))) === '401 unauthenticated' ? true : undefined,
      );
      for (const path of ['/v1/me', '/v1/contacts', `/v1/contacts/${cards[0]}`, '/v1/sessions'])
        expect([path, await outcome(client.get(path))]).toEqual([path, '401 unauthenticated']);
      expect(await outcome(client.post('/v1/sessions', { email: person.email, password: person.password }))).toBe(
        '403 account-deactivated',
      );
    }
  }

  const openSessions = async (person: Person): Promise<number> => {
    const { rows } = await database.query<{ count: number }>(
      'SELECT count(*)::int AS count FROM access.sessions WHERE user_id = $1 AND ended_at IS NULL',
      [person.id],
    );
    return rows[0]?.count ?? -1;
  };

  it('serves the limit and not one card more, cuts off once, and says so', async () => {
    const person = await manager();
    const { served, refusals } = await scrape(person);
    expect(served.size).toBe(LIMIT);
    expect([...refusals].filter((code) => code !== '401 unauthenticated')).toEqual(['403 view-limit-reached']);
    await expectCutOff(person);
    const alarm = await alarmOf(person);
    expect(alarm['cutOffMs']).toBeGreaterThanOrEqual(0);
    expect(alarm['cutOffMs']).toBeLessThan(5_000);
    await expectLedger(person, served);
    const user = await answered(200, staff.admin.get(`/v1/users/${person.id}`));
    expect(user['status']).toBe('deactivated');
    expect(await eventually('sessions to end', async () => ((await openSessions(person)) === 0 ? true : undefined))).toBe(true);

    // Brought back, he begins anew: the past of the window is past.
    await answered(200, staff.admin.post(`/v1/users/${person.id}/reactivate`, { reason: 'spoke to him' }));
    expect(await outcome(person.client.get('/v1/me'))).toBe('401 unauthenticated');
    const again = { ...person, client: await new HttpClient(system.gatewayUrl).signIn(person.email, person.password) };
    const { items } = await answered(
      200,
      staff.admin.get<{ items: Array<{ userId: string; state: string }> }>('/v1/monitoring/users'),
    );
    expect(items.find(({ userId }) => userId === person.id)).toMatchObject({ state: 'active' });
    const second = await scrape(again);
    expect(second.served.size).toBe(LIMIT);
    expect(second.refusals).toContain('403 view-limit-reached');
    await eventually('the second alarm', async () => ((await alarmsOf(person)).length === 2 ? true : undefined));
  });

  it('tells whoever watches: counts as they rise, alarms at a webhook, the ledger of the window and as a file', async () => {
    interface Counted {
      readonly userId: string;
      readonly state: string;
      readonly measures: ReadonlyArray<{ readonly measure: string; readonly count: number; readonly max: number }>;
    }
    const [person, receiver] = [await manager(), await AlarmReceiver.open()];
    const types = ['user.deactivated', 'limit.approached'];
    const { id: webhookId, secret } = await made(staff.admin.post('/v1/webhooks', { url: receiver.url, types }));
    expect((await staff.admin.get('/v1/webhooks')).text).not.toContain(String(secret));
    const stream = await staff.admin.events('/v1/monitoring/users/stream');
    const toldOf = (): Counted[] =>
      stream.received.map(({ data }) => JSON.parse(data) as Counted).filter(({ userId }) => userId === person.id);

    const opened = cards.slice(0, LIMIT);
    for (const id of opened) expect(await outcome(person.client.get(`/v1/contacts/${id}`))).toBe('200');
    const standing = { measure: 'contact.opened', window: 'hour', action: 'deactivate', count: LIMIT, max: LIMIT };
    await eventually('the count on the stream', () =>
      Promise.resolve(toldOf().find(({ measures }) => measures[0]?.count === LIMIT)),
    );
    const { items } = await answered(200, staff.admin.get<{ items: Counted[] }>(`/v1/monitoring/users?userId=${person.id}`));
    expect(items).toMatchObject([{ userId: person.id, state: 'active', measures: [standing] }]);
    expect(await outcome(person.client.get(`/v1/contacts/${cards[LIMIT]}`))).toBe('403 view-limit-reached');
    await eventually('the end on the stream', () => Promise.resolve(toldOf().find(({ state }) => state === 'deactivated')));
    stream.close();

    const pushed = await eventually('alarms at the webhook', () => {
      const came = receiver.about(person.id, String(secret));
      return Promise.resolve(came.length >= 2 ? came : undefined);
    });
    expect(pushed.map(({ type }) => type)).toEqual(['limit.approached', 'user.deactivated']);
    const [alarm] = await everyRow<Alarm>(staff.admin, `/v1/alerts?userId=${person.id}&type=user.deactivated`);
    expect(alarm).toMatchObject({ ...pushed[1], cutOffMs: expect.any(Number) as number });
    await eventually('the delivery', async () => {
      const delivered = await everyRow(staff.admin, `/v1/webhooks/${webhookId}/deliveries?state=delivered`);
      return delivered.some(({ alarmId }) => alarmId === alarm?.id) ? true : undefined;
    });
    expect(await outcome(staff.admin.delete(`/v1/webhooks/${webhookId}`))).toBe('204');
    expect(await outcome(staff.admin.get(`/v1/webhooks/${webhookId}/deliveries`))).toBe('404 not-found');
    await receiver.close();

    // The alarm's own link leads to all that he was shown, and nothing else.
    interface Ledger {
      readonly items: ReadonlyArray<{ readonly subjectId: string }>;
      readonly distinctSubjects: number;
    }
    const path = String(alarm?.['exposure']);
    const ledger = await answered(200, staff.admin.get<Ledger>(`${path}&limit=200`));
    expect(ledger.distinctSubjects).toBe(LIMIT);
    expect(new Set(ledger.items.map(({ subjectId }) => subjectId))).toEqual(new Set(opened));
    const file = await staff.admin.get(`${path}&format=csv`);
    expect([file.status, file.headers.get('content-type')]).toEqual([200, 'text/csv; charset=utf-8']);
    const [header, ...lines] = file.text.trim().split('\r\n');
    expect(header).toBe('"at","userId","subjectType","subjectId","kind","masked","ip","sessionId","tokenId"');
    expect(lines.map((line) => line.split(',')[3]).toSorted()).toEqual(opened.map((id) => `"${id}"`).toSorted());
    const both = await answered(200, staff.admin.get<Ledger>(`/v1/exposure?userId=${person.id}&contactId=${opened[0]}`));
    expect(both).toMatchObject({
      items: [{ userId: person.id, subjectId: opened[0], kind: 'card' }],
      distinctSubjects: 1,
      distinctUsers: 1,
    });
    const read = await eventually('the reading in the audit', async () => {
      const entries = await everyRow<{ details: Json }>(staff.admin, '/v1/audit?type=exposure.read');
      return entries.find(({ details }) => details['format'] === 'csv');
    });
    expect(read.details).toMatchObject({ userId: person.id, format: 'csv' });
  });

  it('refuses questions that are none, and whoever has no right to ask', async () => {
    const about = `/v1/exposure?userId=${randomUUID()}`;
    const wrong: Array<[string, string]> = [
      ['/v1/exposure', 'validation-failed'],
      ['/v1/exposure?from=2026-01-01T00:00:00Z&to=2026-02-02T00:00:00Z', 'validation-failed'],
      [`${about}&contactId=${randomUUID()}&dealId=${randomUUID()}`, 'validation-failed'],
      [`${about}&from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z`, 'validation-failed'],
      [`${about}&from=yesterday`, 'validation-failed'],
      [`${about}&format=xml`, 'validation-failed'],
      [`${about}&format=csv&limit=10`, 'validation-failed'],
      [`${about}&cursor=nowhere`, 'invalid-cursor'],
      [`${about}&phone=1`, 'unknown-filter'],
      ['/v1/alerts?type=unheard.of', 'validation-failed'],
      ['/v1/alerts?userId=me', 'validation-failed'],
      ['/v1/monitoring/users?cursor=nowhere', 'invalid-cursor'],
      ['/v1/monitoring/users/stream?userId=me', 'unknown-filter'],
    ];
    for (const [path, code] of wrong) expect([path, await outcome(staff.admin.get(path))]).toEqual([path, `422 ${code}`]);
    const person = await manager();
    const { client, email } = person;
    const routes = ['/v1/exposure', '/v1/alerts', '/v1/alerts/stream', '/v1/monitoring/users', '/v1/monitoring/users/stream'];
    for (const path of [...routes, '/v1/webhooks', `/v1/webhooks/${randomUUID()}/deliveries`])
      expect([path, await outcome(client.get(path))]).toEqual([path, '403 forbidden']);
    expect(await outcome(client.post('/v1/webhooks', {}))).toBe('403 forbidden');
    expect(await outcome(staff.admin.post('/v1/webhooks', { url: 'ftp://example.com' }))).toBe('422 validation-failed');
    // Whoever goes on like this is told about, and so is who tries his password.
    for (let asking = 0; asking < 12; asking += 1)
      expect(await outcome(client.get(`/v1/contacts/${randomUUID()}`))).toBe('404 not-found');
    for (let trying = 0; trying < 10; trying += 1)
      expect(await outcome(staff.admin.post('/v1/sessions', { email, password: newPassword() }))).toBe('401 invalid-credentials');
    for (const type of ['refusals.many', 'sign-in.refused'])
      await eventually(type, async () => {
        const alarms = await everyRow<Alarm>(staff.admin, `/v1/alerts?userId=${person.id}&type=${type}`);
        return alarms.length === 1 ? true : undefined;
      });
  });

  it('lets others work, and administrators look', async () => {
    const [scraper, worker] = await Promise.all([manager(), manager()]);
    const opened = cards.slice(0, LIMIT);
    const [, ...looks] = await Promise.all([
      scrape(scraper),
      ...opened.map((id) => outcome(persistently(() => worker.client.get(`/v1/contacts/${id}`)))),
      ...cards.map((id) => outcome(persistently(() => staff.admin.get(`/v1/contacts/${id}`)))),
    ]);
    expect(new Set(looks)).toEqual(new Set(['200']));
    // What he has counted already is served at the limit; one more is not.
    expect(await outcome(worker.client.get(`/v1/contacts/${opened[0]}`))).toBe('200');
    expect(await alarmsOf(worker)).toEqual([]);
    expect(await outcome(worker.client.get(`/v1/contacts/${cards[LIMIT]}`))).toBe('403 view-limit-reached');
    await expectCutOff(worker);
    // Limits that would have cut off nobody, as they can be put into the settings: a quarter or 5 more than the most.
    const { items } = await answered(200, staff.admin.get<{ items: Array<{ limit: Json }> }>('/v1/monitoring/suggestions'));
    const contacts = { measure: 'contact.opened', action: 'deactivate', scope: { everyone: true } };
    expect(items.map(({ limit }) => limit)).toContainEqual({ ...contacts, window: 'hour', max: LIMIT + 5 });
    expect(await outcome(worker.client.get('/v1/monitoring/suggestions'))).toBe('401 unauthenticated');
    expect(await outcome((await manager()).client.get('/v1/monitoring/suggestions'))).toBe('403 forbidden');
    await alarmOf(worker);
  });

  it('closes every door of a person at once, at both gateways, and none of anybody else; brings him back with none of the old ones', async () => {
    const rows = Array.from({ length: PART_ROWS + 5 - CARDS }, (_, index) =>
      made(persistently(() => staff.admin.post('/v1/contacts', { name: `Row ${index}` }))),
    );
    await Promise.all(rows);
    await staff.settings({ api: { adminsOnly: false } });
    const [person, beside] = await Promise.all([staff.person({ grants: DOOR_GRANTS }), staff.person({ grants: DOOR_GRANTS })]);
    const [doors, others] = await Promise.all([OpenDoors.of(staff, person), OpenDoors.of(staff, beside)]);
    const held = await HeldExports.begin(system.connections.database.superuser);
    const running = await held.start(person);
    const card = (index: number): string => `/v1/contacts/${cards[index]}`;
    try {
      // In turn by each way at each gateway: one limit for all of them.
      for (let opened = 0; opened < LIMIT; opened += 1) {
        const way = doors.ways[opened % doors.ways.length] as Way;
        expect(await way.ask(opened % 2, 'GET', card(opened))).toBe('200');
      }
      expect(await doors.ways[0]?.ask(0, 'GET', card(LIMIT))).toBe('403 view-limit-reached');
      const refusedAt = performance.now();
      // From the refusal on: what opens or lists is refused as before the cut-off or as after it, everything else is nobody's.
      for (const [gateway] of system.gatewayUrls.entries())
        for (const way of doors.ways) {
          const about = `${way.name} at gateway ${gateway}`;
          for (const path of [card(0), '/v1/contacts'])
            expect([about, ['403 view-limit-reached', '401 unauthenticated']]).toEqual([
              about,
              expect.arrayContaining([await way.ask(gateway, 'GET', path)]),
            ]);
          for (const path of [
            '/v1/me',
            `/v1/exports/${running}`,
            ...[running, doors.doneExport].map((id) => `/v1/exports/${id}/file`),
          ])
            expect([about, path, await way.ask(gateway, 'GET', path)]).toEqual([about, path, '401 unauthenticated']);
          expect([about, await way.ask(gateway, 'PATCH', card(0), { note: 'x' })]).toEqual([about, '401 unauthenticated']);
        }
      for (const { name, ended } of doors.streams)
        await eventually(`the end of ${name}`, () => Promise.race([ended.then(() => true as const), notYet()]), 5_000);
      const streamsEndedMs = performance.now() - refusedAt;
      const alarm = await alarmOf(person);
      expect(alarm['cutOffMs']).toBeGreaterThanOrEqual(0);
      expect(alarm['cutOffMs']).toBeLessThan(5_000);
      expect(streamsEndedMs).toBeLessThan(5_000);
      // The figure is the last of the confirmations: of each gateway, and of core.
      const confirmed = await database.query<{ who: string; ms: number }>(
        `SELECT service || '-' || instance AS who, round(extract(epoch FROM f.at - c.refused_at) * 1000)::integer AS ms
         FROM monitor.cutoffs AS c JOIN monitor.cutoff_confirmations AS f ON f.cutoff_id = c.id WHERE c.user_id = $1 ORDER BY who`,
        [person.id],
      );
      expect(confirmed.rows.map(({ who }) => who)).toEqual(['access-gateway-0', 'access-gateway-1', 'crm-core-0']);
      expect(alarm['cutOffMs']).toBe(Math.max(0, ...confirmed.rows.map(({ ms }) => ms)));
      await expectCutOff(person);
      for (const [gateway] of system.gatewayUrls.entries())
        for (const way of doors.ways)
          expect([way.name, await way.ask(gateway, 'GET', card(0))]).toEqual([way.name, '401 unauthenticated']);
      expect(await eventually('sessions to end', async () => ((await openSessions(person)) === 0 ? true : undefined))).toBe(true);

      // Who works beside him has noticed nothing: his streams go on and tell, his export is made, his cards open.
      await answered(200, staff.admin.patch(card(3), { note: unique('Note') }));
      for (const { name, text } of others.streams.filter((stream) => stream.name.startsWith('/v1/events')))
        await eventually(`news by ${name}`, () => Promise.resolve(text().includes(String(cards[3])) ? true : undefined));
      for (const way of others.ways)
        for (const [gateway] of system.gatewayUrls.entries()) expect(await way.ask(gateway, 'GET', card(gateway))).toBe('200');
      expect(await Promise.race([...others.streams.map(({ ended }) => ended.then(() => 'ended')), notYet()])).toBeUndefined();
    } finally {
      await held.end();
    }
    const gone = await eventually('the end of the exports', async () => {
      const { rows: exports } = await database.query<Json>(
        `SELECT id, state, wrapped_key, row_ids, (SELECT count(*)::int FROM access.export_parts AS p WHERE p.export_id = e.id) AS parts
         FROM access.exports AS e WHERE user_id = $1`,
        [person.id],
      );
      return exports.every(({ state, parts }) => state === 'cancelled' && parts === 0) ? exports : undefined;
    });
    expect(gone.map(({ id, wrapped_key: key, row_ids: ids }) => [id, key, ids]).toSorted()).toEqual(
      [running, doors.doneExport].map((id) => [id, null, []]).toSorted(),
    );

    // Brought back, for a reason that is told: fresh windows, and nothing of what was open opens again.
    const reactivate = `/v1/users/${person.id}/reactivate`;
    expect(await outcome(staff.admin.post(reactivate, {}))).toBe('422 validation-failed');
    await answered(200, staff.admin.post(reactivate, { reason: 'it was his own list' }));
    const client = await new HttpClient(system.gatewayUrl).signIn(person.email, person.password);
    for (const [gateway, url] of system.gatewayUrls.entries()) {
      for (const way of doors.ways)
        expect([way.name, await way.ask(gateway, 'GET', '/v1/contacts')]).toEqual([way.name, '401 unauthenticated']);
      for (const id of [running, doors.doneExport]) {
        expect((await answered(200, client.at(url).get(`/v1/exports/${id}`)))['state']).toBe('cancelled');
        expect(await outcome(client.at(url).get(`/v1/exports/${id}/file`))).toBe('404 not-found');
      }
    }
    const { items } = await answered(
      200,
      client.get<{ items: { state: string; measures: { count: number }[] }[] }>(`/v1/monitoring/users?userId=${person.id}`),
    );
    expect(items).toMatchObject([{ state: 'active', measures: [{ count: 0 }] }]);
    for (let opened = 0; opened < LIMIT; opened += 1) expect(await outcome(client.get(card(opened)))).toBe('200');
    expect(await outcome(client.get(card(LIMIT)))).toBe('403 view-limit-reached');
    const { items: trail } = await answered(200, staff.admin.get<{ items: Json[] }>(`/v1/audit?type=user.reactivated&limit=1`));
    expect(trail[0]?.['details']).toMatchObject({ reason: 'it was his own list' });
    others.close();
    await staff.settings({ api: { adminsOnly: true } });
  });

  it('exempts administrators or not, as it is set, and never holds the last one', async () => {
    const lookAt = (client: HttpClient, count: number): Promise<string[]> =>
      Promise.all(cards.slice(0, count).map((id) => outcome(persistently(() => client.get(`/v1/contacts/${id}`)))));
    const told = (id: string, type: string): Promise<Alarm[]> =>
      everyRow<Alarm>(staff.admin, `/v1/alerts?userId=${id}&type=${type}`);
    const second = await staff.person({ isAdmin: true });
    expect(new Set(await lookAt(second.client, LIMIT + 2))).toEqual(new Set(['200']));
    const [exempt] = await eventually('the alarm about an exempt administrator', async () => {
      const alarms = await told(second.id, 'limit.exceeded');
      return alarms.length > 0 ? alarms : undefined;
    });
    expect(exempt).toMatchObject({ severity: 'warning', measure: 'contact.opened', limit: LIMIT, count: LIMIT + 1 });
    const { body } = await staff.admin.get<{ user: { id: string } }>('/v1/me');
    const first = body.user.id;
    expect(new Set(await lookAt(staff.admin, CARDS))).toEqual(new Set(['200']));
    const { id: unseen } = await made(staff.admin.post('/v1/contacts', { name: 'Unseen' }));
    await staff.monitoring({ exemptAdmins: false });
    try {
      // Not exempt any more, he is one of two: cut off like anybody. What he was shown before counts.
      expect(await outcome(second.client.get(`/v1/contacts/${cards[LIMIT + 2]}`))).toBe('403 view-limit-reached');
      await expectCutOff(second);
      // The other one is the last: refused, told about, and at work in everything else.
      expect(await outcome(staff.admin.get(`/v1/contacts/${unseen}`))).toBe('403 view-limit-reached');
      // What he has counted already is his to see again.
      expect(new Set(await lookAt(staff.admin, CARDS))).toEqual(new Set(['200']));
      expect(await outcome(staff.admin.get('/v1/me'))).toBe('200');
      const inPlace = await eventually('the alarm in place of a hold', async () =>
        (await told(first, 'limit.exceeded')).find(({ severity }) => severity === 'critical'),
      );
      expect(inPlace).toMatchObject({ measure: 'contact.opened', limit: LIMIT });
      const { rows } = await database.query('SELECT FROM watch.holds WHERE user_id = $1', [first]);
      expect(rows).toEqual([]);
      expect((await answered(200, staff.admin.get(`/v1/users/${first}`)))['status']).toBe('active');
    } finally {
      await staff.monitoring({ exemptAdmins: true });
    }
    expect(await outcome(staff.admin.get(`/v1/contacts/${unseen}`))).toBe('200');
  });

  it('holds the same over kill -9 of a monitor, a gateway and the broker in the middle, and folds what was shown', async () => {
    const person = await manager();
    const scraping = scrape(person, 2 * OPENINGS, 60_000);
    await Promise.all([system.kill('activity-monitor'), system.kill('access-gateway', 1), system.kill('nats')]);
    const { served, refusals } = await scraping;
    await system.waitUntilReady(60_000);
    // A body may have been lost with its gateway; it was counted, and no other card is served in its place.
    expect(served.size).toBeLessThanOrEqual(LIMIT);
    expect(refusals).toContain('403 view-limit-reached');
    await alarmOf(person);
    await expectCutOff(person);
    const { rows } = await database.query<{ id: string }>(
      'SELECT DISTINCT subject_id AS id FROM watch.disclosures WHERE user_id = $1',
      [person.id],
    );
    const shown = new Set(rows.map(({ id }) => id));
    expect(shown.size).toBe(LIMIT);
    expect([...served].filter((id) => !shown.has(id))).toEqual([]);
    await expectLedger(person, shown);
    const wrong = await database.query('SELECT * FROM watch.wrong_tallies($1)', [person.id]);
    expect(wrong.rows).toEqual([]);
  }, 120_000);

  it.each([
    ['for a moment', false],
    ['until its loss is noticed', true],
  ])('holds the same with the broker stopped %s, and catches up when it goes on', async (_, untilNoticed) => {
    const person = await manager();
    const work = async (): Promise<ReadonlySet<string>> => {
      const scraped = await scrape(person);
      expect(scraped.served.size).toBe(LIMIT);
      expect(scraped.refusals).toEqual(new Set(['403 view-limit-reached']));
      for (const client of onAll(person)) {
        expect(await outcome(client.get('/v1/me'))).toBe('401 unauthenticated');
        expect(await outcome(client.get(`/v1/contacts/${cards[0]}`))).toBe('403 view-limit-reached');
        expect(await outcome(client.get('/v1/contacts'))).toBe('403 view-limit-reached');
        expect(await outcome(client.post('/v1/sessions', { email: person.email, password: person.password }))).toBe(
          '403 account-deactivated',
        );
      }
      expect(await openSessions(person)).toBe(1);
      expect(await outcome(staff.admin.get(`/v1/contacts/${cards[0]}`))).toBe('200');
      for (const url of [...system.gatewayUrls, ...system.ingestUrls]) {
        const { status, body } = await staff.admin.at(url).get('/health/ready');
        expect([status, body]).toMatchObject([200, { status: 'degraded', checks: { broker: 'down' } }]);
      }
      return scraped.served;
    };
    const served = await whileBrokerStands(system, work, { untilNoticed });
    await eventually('sessions to end in the store', async () => ((await openSessions(person)) === 0 ? true : undefined), 25_000);
    await alarmOf(person);
    await expectCutOff(person);
    await expectLedger(person, served);
    expect((await answered(200, staff.admin.get(`/v1/users/${person.id}`)))['status']).toBe('deactivated');
  });
});
