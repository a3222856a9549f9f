import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import { STREAMS, SUBJECTS, type UserDeactivatedFact, type WatchEvent } from '#contracts';
import { followFacts, publishFact, type Fact } from '#messaging';
import { eventually, isolatedBroker, testDatabase, testPool, type IsolatedBroker, type TestDatabase } from '#testing';
import { GatewayFixture, type Person } from '../../test/gateway-fixture.js';
import type { Gateway } from '../gateway.js';

describe('cutting off', () => {
  let database: TestDatabase;
  let broker: IsolatedBroker;
  let fixture: GatewayFixture;
  let gateways: readonly Gateway[];

  beforeAll(async () => {
    database = await testDatabase();
    broker = await isolatedBroker();
    fixture = await GatewayFixture.start({ database, broker });
    gateways = [await fixture.gateway(), await fixture.gateway()];
  });
  afterAll(async () => {
    await fixture.stop();
    await Promise.all([broker.remove(), database.drop()]);
  });

  const factOf = (person: Person, epoch: number): UserDeactivatedFact => ({
    id: uuidv7(),
    userId: person.id,
    epoch,
    refusedAt: new Date().toISOString(),
    cause: { measure: 'contact.opened', window: 'hour', action: 'deactivate', max: 1, count: 1 },
  });
  const publish = (fact: UserDeactivatedFact): Promise<unknown> =>
    publishFact(fixture.monitorBroker, SUBJECTS.userDeactivated, fact.id, fact);
  const until = async (holds: () => Promise<boolean> | boolean): Promise<void> => {
    for (let attempt = 0; attempt < 250; attempt += 1) {
      if (await holds()) return;
      await sleep(20);
    }
    throw new Error('it did not come to hold within 5 s');
  };
  const open = async (person: Person): Promise<number> => {
    const { rows } = await fixture.own.query<{ open: number }>(
      'SELECT count(*)::int AS open FROM access.sessions WHERE user_id = $1 AND ended_at IS NULL',
      [person.id],
    );
    return rows[0]?.open ?? 0;
  };

  it('ends open streams on every gateway, confirms each, and ends the sessions in the store', async () => {
    const person = await fixture.person();
    await fixture.signIn(person);
    const ended: string[] = [];
    const confirmed: Fact[] = [];
    gateways.forEach((gateway, index) =>
      gateway.parts.cutOffs.onDeactivated((userId) => {
        if (userId === person.id) ended.push(String(index));
      }),
    );
    const following = followFacts({
      broker: fixture.monitorBroker,
      stream: STREAMS.access.name,
      filterSubject: SUBJECTS.cutoffApplied,
      startAfter: 'beginning',
      onFact: (fact) => {
        confirmed.push(fact);
        return Promise.resolve();
      },
    });
    const fact = factOf(person, 0);
    await fixture.hold(person);
    await publish(fact);
    await until(async () => ended.length === 2 && confirmed.length >= 2 && (await open(person)) === 0);
    await following.stop();
    expect(ended.sort()).toEqual(['0', '1']);
    expect(confirmed.map(({ payload }) => payload)).toContainEqual(
      expect.objectContaining({ deactivationId: fact.id, service: 'access-gateway', instance: '1' }),
    );
  });

  it('of somebody whom the gate does not hold ends no session: a message alone cuts nobody off', async () => {
    const free = await fixture.person();
    const token = await fixture.signIn(free);
    await publish(factOf(free, 0));
    // What was published later is done: so is that.
    for (const held of [await fixture.person(), await fixture.person()]) {
      await fixture.signIn(held);
      await fixture.hold(held);
      await publish(factOf(held, 0));
      await until(async () => (await open(held)) === 0);
    }
    expect(await open(free)).toBe(1);
    expect((await fixture.call('GET', '/v1/me', { token })).status).toBe(200);
  });

  it('is not given up while the database is away, however long', async () => {
    const person = await fixture.person();
    await fixture.signIn(person);
    await fixture.hold(person);
    const superuser = testPool(database.superuserUrl, 1);
    await superuser.query(`
      CREATE SEQUENCE access.refused; GRANT USAGE ON SEQUENCE access.refused TO PUBLIC;
      CREATE FUNCTION access.refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM nextval('access.refused'); RAISE SQLSTATE '57P03'; END $$;
      CREATE TRIGGER refuse BEFORE UPDATE OF ended_at ON access.sessions EXECUTE FUNCTION access.refuse()`);
    await publish(factOf(person, 0));
    // More than both gateways try one that is refused.
    await eventually(
      'ten tries',
      async () => {
        const { rows } = await superuser.query<{ tries: string }>('SELECT last_value AS tries FROM access.refused');
        return Number(rows[0]?.tries) >= 10 ? true : undefined;
      },
      25_000,
    );
    await superuser.query('DROP FUNCTION access.refuse() CASCADE; DROP SEQUENCE access.refused');
    await superuser.end();
    await until(async () => (await open(person)) === 0);
  }, 45_000);

  it('leaves the sessions of a later epoch alone', async () => {
    const person = await fixture.person();
    await fixture.signIn(person);
    await fixture.standing(person, { epoch: 1 });
    const token = await fixture.signIn(person);
    await publish(factOf(person, 0));
    await until(async () => (await open(person)) === 1);
    expect((await fixture.call('GET', '/v1/me', { token })).status).toBe(200);
  });

  it('relays the outbox once and in order', async () => {
    const person = await fixture.person();
    const events = Array.from({ length: 120 }, (_, index): WatchEvent => ({
      id: uuidv7(),
      type: 'card.viewed',
      at: new Date().toISOString(),
      userId: person.id,
      isAdmin: false,
      epoch: 0,
      measure: 'contact.opened',
      kind: `card-${index}`,
      subjectType: 'contact',
      subjectIds: [uuidv7()],
      namedContactIds: [],
      masked: true,
      sessionId: null,
      tokenId: null,
      ip: '127.0.0.1',
      limits: [],
      refusedBy: null,
      held: false,
    }));
    for (const event of events) {
      await fixture.monitor.query('INSERT INTO watch.outbox_queue (id, payload) VALUES ($1, $2)', [
        event.id,
        JSON.stringify(event),
      ]);
    }
    gateways.forEach((gateway) => gateway.parts.relay.wake());
    const seen: Fact[] = [];
    const following = followFacts({
      broker: fixture.monitorBroker,
      stream: STREAMS.watch.name,
      startAfter: 'beginning',
      onFact: (fact) => {
        seen.push(fact);
        return Promise.resolve();
      },
    });
    await until(async () => {
      const { rows } = await fixture.monitor.query<{ left: number }>('SELECT count(*)::int AS left FROM watch.outbox');
      return seen.length >= events.length && rows[0]?.left === 0;
    });
    await following.stop();
    expect(seen.map(({ payload }) => payload)).toEqual(events);
  });
});
