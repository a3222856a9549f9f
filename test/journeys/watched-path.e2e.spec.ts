import pg from 'pg';
import { HttpClient, startSystem, type HttpAnswer, type System } from '#testing';
import { AlarmWatch, type Alarm } from './alarm-watch.js';
import { whileBrokerStands } from './broker-pause.js';
import {
  answered,
  eventually,
  everyRow,
  made,
  outcome,
  outcomeOf,
  persistently,
  Staff,
  type Json,
  type Person,
} from './staff.js';

const LIMIT = 20;
const CARDS = 40;
const OPENINGS = 200;

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
    system = await startSystem({ gateways: 2, monitors: 2 });
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
    await alarmOf(worker);
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
