import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Secret as OtpSecret, TOTP } from 'otpauth';
import pg from 'pg';
import { HttpClient, startSystem, type System } from '#testing';
import { AlarmWatch, type Alarm } from '../journeys/alarm-watch.js';
import { RecordWatch } from '../journeys/record-watch.js';
import {
  answered,
  eventually,
  everyRow,
  made,
  outcome,
  outcomeOf,
  persistently,
  Staff,
  unique,
  type Json,
  type Person,
} from '../journeys/staff.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const CARDS = 40;
const LIMIT = 20;
const OPENINGS = 200;

type Offsets = Readonly<Record<string, number>>;
const all = (by: (service: string, instance: number) => number): Offsets =>
  Object.fromEntries(
    ['access-gateway', 'activity-monitor', 'crm-core', 'lead-ingest'].flatMap((service) =>
      [0, 1].map((instance) => [`${service}-${instance}`, by(service, instance)]),
    ),
  );
/** One instance of each service ahead, the other behind. */
const apart = (by: number): Offsets => all((_, instance) => (instance === 0 ? by : -by));
const PHASES: readonly (readonly [string, Offsets])[] = [
  ['an hour apart each way', apart(HOUR)],
  ['a day apart each way', apart(DAY)],
  ['a day apart, the other way round', apart(-DAY)],
  ['all a day ahead', all(() => DAY)],
  ['all a day behind', all(() => -DAY)],
];

/** Moves what `moved-clock.mjs` reads. */
class Clocks {
  readonly #folder = mkdtempSync(join(tmpdir(), 'palisade-clocks-'));
  readonly #file = join(this.#folder, 'offsets.json');

  get preload(): string {
    const module = pathToFileURL(join(import.meta.dirname, 'moved-clock.mjs'));
    module.searchParams.set('offsets', this.#file);
    return `--import=${module.href}`;
  }

  write(offsets: Offsets): void {
    writeFileSync(`${this.#file}.new`, JSON.stringify(offsets));
    renameSync(`${this.#file}.new`, this.#file);
  }

  /** Moves the clocks of what runs; resolves when each service's own clock says so. */
  async move(offsets: Offsets, system: System): Promise<void> {
    this.write(offsets);
    await eventually('the clocks to be moved', () => Promise.resolve(this.#areMoved(offsets, system) ? true : undefined));
  }

  #areMoved(offsets: Offsets, system: System): boolean {
    const services = system.run().map(({ service, instance }) => `${service}-${instance}`);
    return services
      .filter((name) => offsets[name] !== undefined)
      .every((name) => {
        const said = existsSync(`${this.#file}.${name}`) ? Number(readFileSync(`${this.#file}.${name}`, 'utf8')) : NaN;
        return Math.abs(said - Date.now() - (offsets[name] ?? 0)) < HOUR / 2;
      });
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

describe('clocks of the services moved by hours', () => {
  const clocks = new Clocks();
  let system: System;
  let staff: Staff;
  let database: pg.Client;
  let cards: string[];

  beforeAll(async () => {
    // From the start on: nothing was ever right that could be gone on with.
    clocks.write(apart(DAY));
    system = await startSystem({ gateways: 2, monitors: 2, cores: 2, env: { NODE_OPTIONS: clocks.preload } });
    await clocks.move(apart(DAY), system);
    staff = await Staff.of(system);
    database = new pg.Client({ connectionString: system.connections.database.superuser });
    await database.connect();
    const making = Array.from({ length: CARDS }, (_, index) =>
      made(persistently(() => staff.admin.post('/v1/contacts', { name: `Card ${index}` }))),
    );
    cards = (await Promise.all(making)).map(({ id }) => id);
    const limit = { measure: 'contact.opened', window: 'hour', max: LIMIT, scope: { everyone: true } };
    await staff.monitoring({ limits: [{ ...limit, action: 'deactivate' }] });
  }, 180_000);
  afterAll(async () => {
    await database?.end();
    await system?.stop();
    clocks.remove();
  });

  const one = async <Row extends Json>(text: string, values: unknown[] = []): Promise<Row> =>
    (await database.query<Row>(text, values)).rows[0] as Row;
  const grants = { contact: { view: 'allowed', edit: 'allowed', export: 'allowed' } } as const;
  const viewer = (): Promise<Person> => staff.person({ grants });
  const at = (person: Person): HttpClient[] => system.gatewayUrls.map((url) => person.client.at(url));
  describe.each(PHASES)('%s', (_, offsets) => {
    let careful: Person;
    let bystander: Person;

    beforeAll(async () => {
      // Known before the clocks go: a quota that is nearly used up, and somebody who looks at nothing.
      [careful, bystander] = await Promise.all([viewer(), viewer()]);
      const [client] = at(careful);
      for (const id of cards.slice(0, LIMIT - 1))
        expect(await outcome((client as HttpClient).get(`/v1/contacts/${id}`))).toBe('200');
      await clocks.move(offsets, system);
    }, 60_000);

    it('N is N, the cut-off is measured, and the windows are those of the database’s clock', async () => {
      const person = await viewer();
      const clients = at(person);
      const answers = await Promise.all(
        Array.from({ length: OPENINGS }, (_, index) => {
          const client = clients[Math.floor(index / CARDS) % clients.length] as HttpClient;
          return persistently(() => client.get(`/v1/contacts/${cards[index % CARDS]}`));
        }),
      );
      expect(new Set(answers.filter(({ status }) => status === 200).map(({ body }) => body['id'])).size).toBe(LIMIT);
      expect(new Set(answers.map(outcomeOf))).toContain('403 view-limit-reached');
      const alarm = await eventually('the alarm', async () => {
        const alarms = await everyRow<Alarm>(staff.admin, `/v1/alerts?userId=${person.id}&type=user.deactivated`);
        return alarms.find((one) => one['cutOffMs'] !== undefined);
      });
      expect(alarm['cutOffMs']).toBeLessThan(5_000);
      const { counted, folded, hours, wrong } = await one<Record<'counted' | 'folded' | 'hours' | 'wrong', number>>(
        `SELECT (SELECT count(*)::int FROM watch.disclosures WHERE user_id = $1) AS counted,
           (SELECT coalesce(sum(opens), 0)::int FROM monitor.windows WHERE user_id = $1 AND "window" = 'hour' AND measure = 'contact.opened') AS folded,
           (SELECT count(*)::int FROM monitor.windows AS w WHERE user_id = $1 AND measure = 'contact.opened' AND bucket_start NOT IN (
              SELECT watch.window_start(w."window", 'calendar', s.settings->>'timeZone', d.at) FROM watch.disclosures AS d, read.security AS s WHERE d.user_id = $1)) AS hours,
           (SELECT count(*)::int FROM watch.wrong_tallies($1)) AS wrong`,
        [person.id],
      );
      expect({ folded, hours, wrong }).toEqual({ folded: counted, hours: 0, wrong: 0 });
      const { apart: furthest } = await one<{ apart: number }>(
        `SELECT max(abs(extract(epoch FROM clock_timestamp() - at)))::float8 AS apart FROM watch.disclosures WHERE user_id = $1`,
        [person.id],
      );
      expect(furthest).toBeLessThan(60);
    });

    it('no quota is filled again, and nobody is cut off without a view', async () => {
      const [one0, one1] = at(careful) as [HttpClient, HttpClient];
      expect(await outcome(one1.get(`/v1/contacts/${cards[LIMIT - 1]}`))).toBe('200');
      expect(await outcome(one0.get(`/v1/contacts/${cards[LIMIT]}`))).toBe('403 view-limit-reached');
      for (const client of at(bystander)) expect(await outcome(client.get('/v1/me'))).toBe('200');
      const { status } = (await one(`SELECT status FROM read.principals WHERE user_id = $1`, [bystander.id])) as {
        status: string;
      };
      expect(status).toBe('active');
      for (const client of at(bystander)) expect(await outcome(client.get(`/v1/contacts/${cards[0]}`))).toBe('200');
    });

    it('sessions, second factors and exports last as long as they do by the database’s clock', async () => {
      const person = await viewer();
      const { expires, seen } = await one<{ expires: number; seen: number }>(
        `SELECT extract(epoch FROM expires_at - clock_timestamp())::float8 AS expires, extract(epoch FROM clock_timestamp() - last_seen_at)::float8 AS seen
         FROM access.sessions WHERE user_id = $1`,
        [person.id],
      );
      expect(Math.abs(expires - 12 * 3_600)).toBeLessThan(60);
      expect(Math.abs(seen)).toBeLessThan(60);
      const { exportId } = await answered(202, person.client.post('/v1/exports', { type: 'contacts', format: 'csv' }));
      const file = `/v1/exports/${String(exportId)}/file`;
      for (const client of at(person))
        await eventually('the file', async () => ((await outcome(client.get(file))) === '200' ? true : undefined));
      await database.query(`UPDATE access.exports SET finished_at = finished_at - interval '61 minutes' WHERE id = $1`, [
        exportId,
      ]);
      for (const client of at(person)) expect(await outcome(client.get(file))).toBe('404 not-found');

      const { secret } = await answered(201, person.client.post<{ secret: string }>('/v1/me/totp'));
      const codeOf = (step: number): string =>
        new TOTP({ secret: OtpSecret.fromBase32(secret) }).generate({ timestamp: Date.now() + step * 30_000 });
      await answered(200, person.client.post('/v1/me/totp/confirm', { code: codeOf(0) }));
      const signIn = (gateway: number, totp: string): Promise<string> =>
        outcome(
          new HttpClient(system.gatewayUrls[gateway] ?? '').post('/v1/sessions', {
            email: person.email,
            password: person.password,
            totp,
          }),
        );
      expect(await signIn(1, codeOf(1))).toBe('201');
      expect(await signIn(0, codeOf(2 * 60))).toBe('401 invalid-credentials');
      await database.query(`UPDATE access.sessions SET expires_at = clock_timestamp() - interval '1 second' WHERE user_id = $1`, [
        person.id,
      ]);
      for (const client of at(person)) expect(await outcome(client.get('/v1/me'))).toBe('401 unauthenticated');
    });

    it('live streams tell what happens, and alarms come', async () => {
      const person = await viewer();
      const watches = await Promise.all(at(person).map((client) => RecordWatch.open(client)));
      const alarms = await AlarmWatch.open(staff.admin.at(system.gatewayUrls[1] ?? ''));
      // Several, so that each core has some of them to do.
      for (let change = 0; change < 6; change += 1)
        await answered(200, staff.admin.patch(`/v1/contacts/${cards[change]}`, { note: unique('Note') }));
      for (const watch of watches) {
        const heard = new Set<string>();
        while (heard.size < 6) heard.add((await watch.next()).id);
        expect([...heard].toSorted()).toEqual(cards.slice(0, 6).toSorted());
        watch.close();
      }
      // A limit of nothing that refuses: the first refusal is stored, the others are counted; twenty of them are an alarm.
      const { body } = await staff.admin.get<{ activityMonitoring: { limits: Json[] } }>('/v1/settings/security');
      const none = { measure: 'list.rows', window: 'hour', max: 0, action: 'refuse', scope: { userIds: [person.id] } };
      await staff.monitoring({ limits: [...body.activityMonitoring.limits, none] });
      for (let asking = 0; asking < 21; asking += 1)
        expect(await outcome(person.client.get('/v1/contacts'))).toBe('403 view-limit-reached');
      await eventually('refusals.many', () => Promise.resolve(alarms.about('refusals.many', person.id)[0]), 20_000);
      await staff.monitoring({ limits: body.activityMonitoring.limits });
      await alarms.close();
      // What the log says of the time is the database's, whichever core wrote it.
      const { apart: furthest } = await one<{ apart: number }>(
        `SELECT max(abs(extract(epoch FROM clock_timestamp() - (metadata->>'at')::timestamptz)))::float8 AS apart
         FROM (SELECT metadata FROM es.events ORDER BY seq DESC LIMIT 8) AS e`,
      );
      expect(furthest).toBeLessThan(60);
    });

    it('a broker that ends and comes back is found again', async () => {
      await system.kill('nats');
      // Whom commands, questions to the monitor and answers need, at both gateways.
      for (const url of system.gatewayUrls) {
        const client = staff.admin.at(url);
        await persistently(() => client.post('/v1/roles', { name: unique('Role'), grants: {} }), 15_000);
        await persistently(() => client.get('/v1/alerts?limit=1'), 15_000);
      }
      await system.waitUntilReady(15_000);
      const person = await viewer();
      for (const id of cards.slice(0, LIMIT)) expect(await outcome(person.client.get(`/v1/contacts/${id}`))).toBe('200');
      expect(await outcome(person.client.get(`/v1/contacts/${cards[LIMIT]}`))).toBe('403 view-limit-reached');
      await eventually(
        'core knows of it',
        async () => {
          const { status } = (await one('SELECT status FROM read.principals WHERE user_id = $1', [person.id])) as {
            status: string;
          };
          return status === 'deactivated' ? true : undefined;
        },
        30_000,
      );
    });
  });

  it('the self-check finds nothing, and nobody else was held', async () => {
    const differing = await everyRow(staff.admin, '/v1/alerts?type=records.differ');
    expect(differing).toEqual([]);
    // None of these is the one clock that counts.
    expect(await everyRow(staff.admin, '/v1/alerts?type=clock.moved')).toEqual([]);
    const { rows } = await database.query(
      `SELECT h.user_id FROM watch.holds AS h WHERE NOT EXISTS (SELECT FROM watch.disclosures AS d WHERE d.user_id = h.user_id HAVING count(DISTINCT subject_id) = ${LIMIT})`,
    );
    expect(rows).toEqual([]);
  });
});
