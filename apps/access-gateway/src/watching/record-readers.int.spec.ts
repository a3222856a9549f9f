import { PassThrough } from 'node:stream';
import { v7 as uuidv7 } from 'uuid';
import { STREAMS, SUBJECTS } from '#contracts';
import { provisionStreams, publishFacts, type OutgoingFact } from '#messaging';
import { EventStream, HttpClient, isolatedBroker, testDatabase, type IsolatedBroker, type TestDatabase } from '#testing';
import { GatewayFixture, type Person } from '../../test/gateway-fixture.js';
import type { Gateway } from '../gateway.js';
import { RecordReaders } from './record-readers.js';
import { ANY_RECORDS } from './record-scopes.js';

const STREAM = '/v1/events/stream';

describe('live changes of records', () => {
  let database: TestDatabase;
  let broker: IsolatedBroker;
  let fixture: GatewayFixture;
  let gateway: Gateway;
  const open: EventStream[] = [];

  beforeAll(async () => {
    database = await testDatabase();
    broker = await isolatedBroker();
    fixture = await GatewayFixture.start({ database, broker });
    gateway = await fixture.gateway();
  });
  afterEach(() => open.splice(0).forEach((stream) => stream.close()));
  afterAll(async () => {
    await fixture.stop();
    await Promise.all([broker.remove(), database.drop()]);
  });

  /** Somebody with one role of these grants. */
  async function reader(
    grants: Record<string, Record<string, string>>,
  ): Promise<Person & { client: HttpClient; roleId: string }> {
    const person = await fixture.person();
    const roleId = uuidv7();
    await fixture.core.query(`INSERT INTO read.roles (id, name, grants, version) VALUES ($1, $2, $3, 1)`, [
      roleId,
      `Role ${roleId}`,
      JSON.stringify(grants),
    ]);
    await fixture.core.query('UPDATE read.principals SET role_ids = ARRAY[$2::uuid] WHERE user_id = $1', [person.id, roleId]);
    await fixture.rightsChanged();
    return { ...person, roleId, client: new HttpClient(gateway.url, await fixture.signIn(person)) };
  }
  async function contact(responsibleId: string | null): Promise<string> {
    const id = uuidv7();
    await fixture.core.query(
      `INSERT INTO read.contacts (id, name, search, responsible_id, created_at, updated_at, version)
       VALUES ($1, 'N', '', $2, now(), now(), 1)`,
      [id, responsibleId],
    );
    return id;
  }
  const factOf = (type: string, recordId: string, version = 2): OutgoingFact => {
    const id = uuidv7();
    const at = new Date().toISOString();
    const payload = { id, type, at, actorId: null, category: 'contact', recordId, version, changed: ['note'] };
    return { subject: SUBJECTS.crmEvent(type), msgId: id, payload };
  };
  const publish = (...facts: OutgoingFact[]): Promise<unknown> => publishFacts(fixture.coreBroker, facts);
  async function listen(client: HttpClient, lastId?: string): Promise<EventStream> {
    const stream = await client.events(STREAM, lastId === undefined ? {} : { 'last-event-id': lastId });
    open.push(stream);
    return stream;
  }

  it('are told to each as the record and his rights are at that moment', async () => {
    const [one, two, all] = await Promise.all([
      reader({ contact: { view: 'responsible' } }),
      reader({ contact: { view: 'responsible' } }),
      reader({ contact: { view: 'allowed' } }),
    ]);
    const streams = await Promise.all([one, two, all].map(({ client }) => listen(client)));
    const id = await contact(one.id);
    const [first, second, third] = [
      factOf('ContactChanged', id, 2),
      factOf('ContactAssigned', id, 3),
      factOf('ContactChanged', id, 4),
    ];
    await publish(first);
    expect((await streams[0]?.next())?.id).toBe(first.msgId);
    await fixture.core.query('UPDATE read.contacts SET responsible_id = $2 WHERE id = $1', [id, two.id]);
    await publish(second, third);
    expect([(await streams[1]?.next())?.id, (await streams[1]?.next())?.id]).toEqual([second.msgId, third.msgId]);
    for (const { msgId } of [first, second, third]) expect((await streams[2]?.next())?.id).toBe(msgId);
    // What has moved on is his no more: the last word for the first reader was the first.
    expect(streams[0]?.received.map(({ id: sent }) => sent)).toEqual([first.msgId]);
    expect(JSON.parse(streams[0]?.received[0]?.data ?? '')).toEqual({
      ...{ type: 'contact.changed', id, version: 2, changed: ['note'] },
      at: (first.payload as { at: string }).at,
    });
  });

  it('take a right to see some kind of record, and end with it', async () => {
    const nobody = await reader({ deal: { edit: 'allowed' } });
    expect((await nobody.client.get(STREAM)).body).toMatchObject({ status: 403, code: 'forbidden' });
    const somebody = await reader({ company: { view: 'responsible' } });
    const stream = await listen(somebody.client);
    await fixture.core.query(`UPDATE read.roles SET grants = '{}' WHERE id = $1`, [somebody.roleId]);
    await fixture.rightsChanged();
    await stream.ended;
    expect((await somebody.client.get(STREAM)).status).toBe(403);
  });

  it('need a scope to read some kind of record in a token, and are of those kinds', async () => {
    const admin = await fixture.person({ isAdmin: true });
    const client = new HttpClient(gateway.url, await fixture.signIn(admin));
    const token = async (...scopes: string[]): Promise<HttpClient> => {
      const { body } = await client.post<{ token: string }>('/v1/api-tokens', { name: 'T', scopes });
      return client.withToken(body.token);
    };
    const [writer, deals, contacts] = await Promise.all([token('contacts:write'), token('deals:read'), token('contacts:read')]);
    expect((await writer.get(STREAM)).body).toMatchObject({ status: 403, code: 'scope-missing' });
    const [ofDeals, ofContacts] = await Promise.all([listen(deals), listen(contacts)]);
    const fact = factOf('ContactChanged', await contact(null));
    await publish(fact);
    expect((await ofContacts.next()).id).toBe(fact.msgId);
    expect(ofDeals.received).toEqual([]);
  });

  it('are resumed without a gap or a double, also at a gateway that has just started', async () => {
    const { client } = await reader({ contact: { view: 'allowed' } });
    const id = await contact(null);
    const stream = await listen(client);
    const facts = Array.from({ length: 450 }, (_, index) => factOf('ContactChanged', id, index + 2));
    await publish(...facts.slice(0, 1));
    expect((await stream.next()).id).toBe(facts[0]?.msgId);
    stream.close();
    await publish(...facts.slice(1));
    const other = await fixture.gateway();
    for (const at of [client, client.at(other.url)]) {
      const again = await listen(at, facts[0]?.msgId ?? '');
      for (const { msgId } of facts.slice(1)) expect((await again.next()).id).toBe(msgId);
      const next = factOf('ContactChanged', id, 1_000);
      facts.push(next);
      await publish(next);
      expect((await again.next()).id).toBe(next.msgId);
    }
  });

  it('that are not known any more are answered with the word to read anew', async () => {
    const { client } = await reader({ contact: { view: 'allowed' } });
    const stream = await listen(client, uuidv7());
    expect(await stream.next()).toEqual({ event: 'resync', data: '{"type":"resync"}' });
    const fact = factOf('ContactChanged', await contact(null));
    await publish(fact);
    expect((await stream.next()).id).toBe(fact.msgId);
    expect((await client.get(STREAM, { 'last-event-id': 'yesterday' })).body).toMatchObject({ code: 'malformed-request' });
  });

  it('are neither lost nor told twice when the broker was away, or was wiped and filled anew', async () => {
    const { client } = await reader({ contact: { view: 'allowed' } });
    const stream = await listen(client);
    const id = await contact(null);
    const [before, after, last] = [
      factOf('ContactChanged', id, 2),
      factOf('ContactChanged', id, 3),
      factOf('ContactChanged', id, 4),
    ];
    await publish(before);
    expect((await stream.next()).id).toBe(before.msgId);
    await broker.kill();
    await broker.start();
    await fixture.coreBroker.connection();
    await publish(after);
    expect((await stream.next(20_000)).id).toBe(after.msgId);
    await broker.stop();
    broker.wipe();
    await broker.start();
    await fixture.coreBroker.connection();
    const { name, subjects } = STREAMS.crm;
    const definition = { name, subjects, maxAgeMs: 3_600_000, duplicateWindowMs: 60_000 };
    await provisionStreams(fixture.coreBroker, [definition]);
    await publish(before, after, last);
    expect((await stream.next(20_000)).id).toBe(last.msgId);
    expect(stream.received).toHaveLength(3);
  });

  it('are no use of the session: nobody is there because something happens', async () => {
    const { id: userId, client } = await reader({ contact: { view: 'allowed' } });
    const stream = await listen(client);
    const text = `SELECT last_seen_at < now() - interval '5 minutes' AS idle FROM access.sessions WHERE user_id = $1`;
    await fixture.own.query(`UPDATE access.sessions SET last_seen_at = now() - interval '10 minutes' WHERE user_id = $1`, [
      userId,
    ]);
    for (let version = 2; version < 5; version += 1) {
      await publish(factOf('ContactChanged', await contact(null), version));
      await stream.next();
    }
    expect((await fixture.own.query(text, [userId])).rows).toEqual([{ idle: true }]);
    await fixture.own.query(`UPDATE access.sessions SET last_seen_at = now() - interval '31 minutes' WHERE user_id = $1`, [
      userId,
    ]);
    await publish(factOf('ContactChanged', await contact(null)));
    await stream.ended;
    expect(stream.received).toHaveLength(3);
  });

  it('are not kept for whoever does not read them', async () => {
    const { client } = await reader({ contact: { view: 'allowed' } });
    const who = await gateway.parts.authentication.authenticate({
      ...{ requestId: uuidv7(), method: 'GET', ip: '127.0.0.1', rules: { anyOf: ANY_RECORDS }, action: null },
      headers: { authorization: `Bearer ${client.token ?? ''}` },
    });
    const slow = new PassThrough();
    const closed = new Promise((resolve) => slow.once('close', resolve));
    gateway.app.get(RecordReaders, { strict: false }).add(who, { anyOf: ANY_RECORDS }, slow, null);
    const quick = await listen(client);
    const id = await contact(null);
    const facts = Array.from({ length: 2_000 }, (_, index) => factOf('ContactChanged', id, index + 2));
    let most = 0;
    for (let sent = 0; sent < facts.length; sent += 100) {
      await publish(...facts.slice(sent, sent + 100));
      for (const { msgId } of facts.slice(sent, sent + 100)) expect((await quick.next()).id).toBe(msgId);
      most = Math.max(most, slow.writableLength);
    }
    await closed;
    expect(most).toBeLessThanOrEqual(256 * 1024);
  });
});
