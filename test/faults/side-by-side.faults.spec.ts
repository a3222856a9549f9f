import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { HttpClient, startSystem, type System } from '#testing';
import { SERVICES, type Service } from '../../deploy/src/service-names.js';
import {
  answered,
  eventually,
  freshNumber,
  made,
  outcome,
  persistently,
  Staff,
  unique,
  type Json,
  type Made,
} from '../journeys/staff.js';
import { Load, NO_RATES, summary } from './load.js';
import { OtherVersion } from './other-version.js';

const ENV = { ...NO_RATES, PALISADE_DATABASE_ANSWER_MS: '5000' };
const TURNS = 5;
const LIMIT = 3;

/**
 * Two builds of each service on one database and one broker, as while a new version is rolled out. OTHER_BUILD names the `dist` of the
 * other version, built apart; without it the second build is this one.
 */
describe('two versions of each service side by side', () => {
  let system: System;
  let other: OtherVersion;
  let staff: Staff;
  let formKey: string;

  beforeAll(async () => {
    system = await startSystem({ env: ENV });
    other = await OtherVersion.beside(system, ENV);
    staff = await Staff.of(system);
    formKey = String((await made(staff.admin.post('/v1/forms', { name: unique('Form'), quarantineAfter: null })))['key']);
    for (const url of [system.ingestUrl, other.ingestUrl])
      await eventually('the form', async () =>
        (await new HttpClient(url).post(`/v1/forms/${formKey}/leads`, {})).status === 422 ? true : undefined,
      );
  }, 120_000);
  afterAll(async () => {
    await other?.stop();
    await system?.stop();
  }, 60_000);

  /** What takes each service to answer, at this gateway and this ingest. */
  async function workAt(gatewayUrl: string, ingestUrl: string): Promise<void> {
    const admin = staff.admin.at(gatewayUrl);
    const number = freshNumber();
    const key = (): Record<string, string> => ({ 'idempotency-key': unique('key') });
    const post = async <Body = Json>(status: number, path: string, body: Json): Promise<Body> => {
      const headers = key();
      return answered(
        status,
        persistently(() => admin.post<Body>(path, body, headers)),
      );
    };
    const get = <Body = Json>(path: string): Promise<Body> =>
      answered(
        200,
        persistently(() => admin.get<Body>(path)),
      );
    const contact = await post<Made & { phones: Made[] }>(201, '/v1/contacts', { name: unique('Name'), phones: [{ number }] });
    const phone = contact.phones[0]?.id ?? '';
    expect((await get<Made>(`/v1/contacts/${contact.id}`)).id).toBe(contact.id);
    const revealed = await post(200, `/v1/contacts/${contact.id}/phones/${phone}/reveal`, { reason: 'asked for it' });
    expect(revealed['number']).toBe(number);
    const { matches } = await post<{ matches: Made[] }>(200, '/v1/lookups/phone', { number });
    expect(matches.map(({ id }) => id)).toEqual([contact.id]);
    await get('/v1/alerts');
    await get(`/v1/exposure?contactId=${contact.id}`);
    await get(`/v1/contacts/${contact.id}/history`);
    const ingest = new HttpClient(ingestUrl);
    const lead = await answered(
      202,
      persistently(() => ingest.post<{ leadId: string }>(`/v1/forms/${formKey}/leads`, { name: 'Lead', phone: number })),
    );
    await eventually(
      'the lead to be a deal of the contact',
      async () => {
        const { items } = await get<{ items: Made[] }>(`/v1/deals?contactId=${contact.id}`);
        return items.some(({ leadId }) => leadId === lead.leadId) ? true : undefined;
      },
      30_000,
    );
  }

  const workAtBoth = async (): Promise<void> => {
    for (let turn = 0; turn < TURNS; turn += 1) {
      await workAt(system.gatewayUrl, system.ingestUrl);
      await workAt(other.gatewayUrl, other.ingestUrl);
      // An ingest is no gateway's: a lead of one version goes to the core of either.
      await workAt(system.gatewayUrl, other.ingestUrl);
    }
  };

  /** Kills these of the system, and again whenever they are back, while the work is done. */
  async function without(services: readonly Service[], work: () => Promise<void>): Promise<void> {
    let isOver = false;
    const killing = (async () => {
      for (; !isOver; await sleep(20)) {
        for (const { pid } of system.run().filter(({ service }) => services.includes(service as Service))) {
          try {
            process.kill(pid, 'SIGKILL');
          } catch {
            // Gone already.
          }
        }
      }
    })();
    try {
      await work();
    } finally {
      isOver = true;
      await killing;
    }
    await system.waitUntilReady(30_000);
  }

  it('all eight work together', workAtBoth, 120_000);

  it('work is done by the other version alone behind both gateways', async () => {
    await without(['crm-core', 'activity-monitor'], workAtBoth);
  }, 120_000);

  it('and by this version alone', async () => {
    await other.stop('crm-core', 'activity-monitor');
    await workAtBoth();
    await other.start('crm-core');
    await other.start('activity-monitor');
  }, 120_000);

  it('a view counts at either gateway, and a cut-off is heard by all', async () => {
    await staff.monitoring({
      limits: [{ measure: 'contact.opened', window: 'hour', max: LIMIT, action: 'deactivate', scope: { everyone: true } }],
    });
    const person = await staff.person({ grants: { contact: { view: 'allowed' } } });
    const cards: string[] = [];
    for (let n = 0; n <= LIMIT; n += 1) cards.push((await made(staff.admin.post('/v1/contacts', { name: unique('Card') }))).id);
    const at = [person.client, person.client.at(other.gatewayUrl)] as const;
    for (let n = 0; n < LIMIT; n += 1) expect(await outcome(at[(n % 2) as 0 | 1].get(`/v1/contacts/${cards[n]}`))).toBe('200');
    for (const client of at) expect(await outcome(client.get(`/v1/contacts/${cards[LIMIT]}`))).toBe('403 view-limit-reached');
    for (const client of at) expect(await outcome(client.get('/v1/me'))).toBe('401 unauthenticated');
    for (const url of [system.gatewayUrl, other.gatewayUrl])
      await eventually(
        'the alarm, when gateways and core have confirmed',
        async () => {
          const { items } = (await staff.admin.at(url).get<{ items: Json[] }>('/v1/alerts')).body;
          return items.find(({ type, userId }) => type === 'user.deactivated' && userId === person.id);
        },
        30_000,
      );
    await staff.monitoring({ limits: [] });
  }, 90_000);

  it('one after the other is restarted under load, and no error lasts', async () => {
    const load = await Load.on(system, staff);
    const database = new pg.Client({ connectionString: system.connections.database.superuser });
    database.on('error', () => undefined);
    await database.connect();
    try {
      for (const service of SERVICES) {
        process.kill(Number(system.run().find((entry) => entry.service === service)?.pid), 'SIGTERM');
        await load.worksAgain(load.answers.length, 20_000);
        await other.stop(service);
        await load.worksAgain(load.answers.length, 20_000);
        await other.start(service);
      }
      await load.stop();
      console.log(summary(load.answers));
      const refused = load.answers.filter(({ outcome: told }) => !/^(20\d|503 dependency-unavailable|no answer)$/.test(told));
      expect(refused).toEqual([]);
      await load.expectNothingLost(database);
    } finally {
      await load.stop();
      await database.end();
    }
  }, 180_000);
});
