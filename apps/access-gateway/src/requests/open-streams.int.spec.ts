import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger } from '#platform';
import type { SecuritySettings } from '#contracts';
import { isolatedBroker, testDatabase, type IsolatedBroker, type TestDatabase } from '#testing';
import { GatewayFixture, type Person } from '../../test/gateway-fixture.js';
import type { Gateway } from '../gateway.js';
import { OpenStreams } from './open-streams.js';
import type { Who } from './request-context.js';
import type { RouteRules } from './route-rules.js';

/** A change ends a stream within this time, milliseconds (ADR 19). */
const SOON_MS = 1_000;
const RULES: RouteRules = { scope: 'any' };

describe('streams that are open', () => {
  let database: TestDatabase;
  let broker: IsolatedBroker;
  let fixture: GatewayFixture;
  let gateway: Gateway;
  let streams: OpenStreams;

  beforeAll(async () => {
    database = await testDatabase();
    broker = await isolatedBroker();
    fixture = await GatewayFixture.start({ database, broker });
    gateway = await fixture.gateway();
    const logger = createLogger({ service: 'access-gateway', instance: '0', level: 'fatal' });
    streams = new OpenStreams(gateway.parts.database, gateway.parts.authentication, logger);
  });
  afterAll(async () => {
    await streams.stop();
    await fixture.stop();
    await Promise.all([broker.remove(), database.drop()]);
  });

  const admitted = (token: string, rules: RouteRules = RULES): Promise<Who> => {
    const authorization = `Bearer ${token}`;
    const arrival = {
      ...{ requestId: '00000000-0000-7000-8000-000000000000', ip: '127.0.0.5', rules, action: null },
      ...{ method: 'GET', authorization, headers: { authorization } },
    };
    return gateway.parts.authentication.authenticate(arrival);
  };
  const opened = async (person: Person, rules?: RouteRules): Promise<Stream> =>
    new Stream(streams, await admitted(await fixture.signIn(person), rules), rules ?? RULES);
  const list =
    (...cidrs: string[]) =>
    (settings: SecuritySettings): SecuritySettings => ({
      ...settings,
      ipAllowList: { enabled: cidrs.length > 0, exemptAdmins: true, entries: cidrs.map((cidr) => ({ cidr, note: '' })) },
    });

  it.each<[string, (person: Person) => Promise<unknown>]>([
    ['his address is taken off the list', () => fixture.settings(list('127.0.0.6'))],
    ['he is deactivated', (person) => fixture.standing(person, { status: 'deactivated' })],
    ['he is held, which changes no right', (person) => fixture.hold(person)],
    ['his session ends', (person) => sessionOf(person, `ended_at = now(), ended_reason = 'signed-out'`)],
    ['his session expires', (person) => sessionOf(person, `expires_at = now()`)],
    ['his session was idle for too long', (person) => sessionOf(person, `last_seen_at = now() - interval '31 minutes'`)],
  ])('end soon when %s, and no other does', async (_, change) => {
    const [person, exempt] = [await fixture.person(), await fixture.person({ isAdmin: true })];
    const [his, other] = [await opened(person), await opened(exempt)];
    await change(person);
    expect(await his.endsWithin(SOON_MS)).toBe(true);
    await fixture.settings(list());
    expect(await other.endsWithin(SOON_MS)).toBe(false);
    other.close();
    expect(streams.size).toBe(0);
  });

  it('end soon when what was decided at the opening no longer held when they were added', async () => {
    const [early, late] = [await fixture.person(), await fixture.person()];
    const before = await admitted(await fixture.signIn(late));
    const other = await opened(early);
    await fixture.standing(late, { status: 'deactivated' });
    // The other stream's look has seen the new version already.
    await sleep(SOON_MS / 2);
    expect(await new Stream(streams, before, RULES).endsWithin(SOON_MS)).toBe(true);
    expect(other.isOver).toBe(false);
    other.close();
  });

  it('end soon with an API token that ends', async () => {
    const person = await fixture.person({ isAdmin: true });
    const body = { name: 'Token', scopes: ['monitoring:read'] };
    const made = await fixture.call('POST', '/v1/api-tokens', { token: await fixture.signIn(person), body });
    const stream = new Stream(streams, await admitted(String(made.body['token'])), RULES);
    expect(await stream.endsWithin(SOON_MS)).toBe(false);
    await fixture.own.query('UPDATE access.api_tokens SET expires_at = now() WHERE id = $1', [made.body['id']]);
    expect(await stream.endsWithin(SOON_MS)).toBe(true);
  });

  it('all end soon when there are hundreds', async () => {
    const people = await Promise.all(Array.from({ length: 4 }, () => fixture.person()));
    const all: Stream[] = [];
    for (const person of people) {
      const who = await admitted(await fixture.signIn(person));
      // One session may listen many times.
      all.push(...Array.from({ length: 100 }, () => new Stream(streams, who, RULES)));
    }
    await fixture.settings(list('127.0.0.6'));
    const ended = await Promise.all(all.map((stream) => stream.endsWithin(3 * SOON_MS)));
    expect(ended.every(Boolean)).toBe(true);
    await fixture.settings(list());
  });

  const sessionOf = (person: Person, change: string): Promise<unknown> =>
    fixture.own.query(`UPDATE access.sessions SET ${change} WHERE user_id = $1`, [person.id]);
});

class Stream {
  isOver = false;
  readonly close: () => void;

  constructor(streams: OpenStreams, who: Who, rules: RouteRules) {
    this.close = streams.add({ who, rules, end: () => (this.isOver = true) });
  }

  async endsWithin(milliseconds: number): Promise<boolean> {
    for (const end = Date.now() + milliseconds; !this.isOver && Date.now() < end;) await sleep(10);
    return this.isOver;
  }
}
