import { ServerNats } from '@nestjs/microservices';
import { setTimeout as sleep } from 'node:timers/promises';
import { throwError } from 'rxjs';
import { DomainError } from '#kernel';
import {
  followFacts,
  provisionStreams,
  publishFact,
  publishFacts,
  refusalOf,
  request,
  ServiceRequests,
  type Broker,
  type Consumption,
  type Fact,
  type StreamDefinition,
} from './index.js';
import { consume, PrivateServer } from './private-server.fixture.js';
import { until } from '#testing';

const stream = (name: string): StreamDefinition => ({
  name,
  subjects: [`${name.toLowerCase()}.>`],
  maxAgeMs: 3_600_000,
  duplicateWindowMs: 120_000,
});
const numbered = (name: string, from: number, to: number): { subject: string; msgId: string; payload: { n: number } }[] =>
  Array.from({ length: to - from + 1 }, (_, index) => ({
    subject: `${name.toLowerCase()}.made`,
    msgId: `${name}-${from + index}`,
    payload: { n: from + index },
  }));
const nOf = (fact: Fact): number => (fact.payload as { n: number }).n;

describe('messaging', () => {
  let server: PrivateServer;
  let broker: Broker;
  const logged: [string, unknown][] = [];

  beforeAll(async () => {
    server = await PrivateServer.create();
    await server.start();
    broker = server.broker((event, { reason }) => logged.push([event, reason]));
    await broker.connection();
  });

  afterAll(async () => {
    await broker.close();
    await server.remove();
  });

  /** Ends the server as a power switch would, and waits until it is back. */
  async function crash(options: { wipe: boolean }): Promise<void> {
    await server.stop('SIGKILL');
    await until(() => !broker.isConnected);
    if (options.wipe) await server.wipe();
    await server.start();
    await broker.connection();
  }

  it('starts without a server, refuses at once, and finds the server when it comes', async () => {
    const late = await PrivateServer.create();
    const waiting = late.broker();
    expect(waiting.isConnected).toBe(false);
    await expect(request(waiting, 'x', {}, { timeoutMs: 5_000 })).rejects.toMatchObject({ code: 'dependency-unavailable' });
    await expect(publishFact(waiting, 'x', '1', {})).rejects.toMatchObject({ options: { retryAfterSeconds: 1 } });
    await expect(waiting.roundTripMs()).rejects.toBeInstanceOf(DomainError);
    await late.start();
    await waiting.connection();
    expect(await waiting.roundTripMs()).toBeLessThan(500);
    await waiting.close();
    await late.remove();
  });

  it('closes while it still looks for the server', async () => {
    const absent = await PrivateServer.create();
    const waiting = absent.broker();
    const connection = waiting.connection();
    const refused = expect(connection).rejects.toMatchObject({ code: 'dependency-unavailable' });
    await waiting.close();
    await refused;
    await absent.remove();
  });

  it('provisions what is missing, widens, and never takes away', async () => {
    const [first] = await provisionStreams(broker, [stream('WIDE')]);
    expect(first).toMatchObject({ created: true, differs: [] });
    const [again] = await provisionStreams(broker, [{ ...stream('WIDE'), subjects: ['broad.>'], maxAgeMs: 7_200_000 }]);
    expect(again).toMatchObject({ created: false, createdAt: first?.createdAt, differs: ['max_age'] });
    await expect(publishFact(broker, 'wide.a', '1', {})).resolves.toMatchObject({ sequence: 1 });
    await expect(publishFact(broker, 'broad.a', '2', {})).resolves.toMatchObject({ sequence: 2 });
  });

  it('tells a repeat by its id, also after a crash', async () => {
    await provisionStreams(broker, [stream('REPEAT')]);
    await expect(publishFact(broker, 'repeat.made', 'one', { n: 1 })).resolves.toEqual({ sequence: 1, duplicate: false });
    await crash({ wipe: false });
    await expect(publishFact(broker, 'repeat.made', 'one', { n: 1 })).resolves.toEqual({ sequence: 1, duplicate: true });
  });

  it('publishes in order and counts from the front', async () => {
    await provisionStreams(broker, [stream('CHAIN')]);
    await expect(publishFacts(broker, numbered('CHAIN', 1, 200), { chained: true })).resolves.toBe(200);
    const broken = numbered('CHAIN', 201, 210).map((fact, index) => (index === 4 ? { ...fact, subject: 'nowhere.made' } : fact));
    await expect(publishFacts(broker, broken, { chained: true, timeoutMs: 1_000 })).resolves.toBe(4);
    await expect(publishFacts(broker, numbered('CHAIN', 201, 210), { chained: true })).resolves.toBe(10);
    const seen: number[] = [];
    const following = followFacts({
      broker,
      stream: 'CHAIN',
      startAfter: 'beginning',
      onFact: async (fact) => void seen.push(nOf(fact)),
    });
    await until(() => seen.length === 210);
    await following.stop();
    expect(seen).toEqual(Array.from({ length: 210 }, (_, index) => index + 1));
  });

  it('throws what no repeat can mend when it stands in front', async () => {
    await provisionStreams(broker, [stream('LARGE')]);
    const large = { subject: 'large.made', msgId: 'l', payload: 'x'.repeat(2_000_000) };
    await expect(publishFacts(broker, [large, ...numbered('LARGE', 1, 1)])).rejects.not.toBeInstanceOf(DomainError);
  });

  it("speaks the packets of Nest's own server", async () => {
    const service = new ServerNats({ servers: server.url, user: 'core', pass: 'p', deserializer: new ServiceRequests() });
    const added: number[] = [];
    service.addHandler('nest.add', (data: { n: number }) => {
      added.push(data.n);
      return Promise.resolve(data.n + 1);
    });
    // As Nest's exception filters hand it on; a bare rejection would get no reply at all.
    service.addHandler('nest.refuse', () => Promise.resolve(throwError(() => refusalOf(new DomainError('not-found')))));
    await new Promise<void>(
      (resolve, reject) => void service.listen((error?: unknown) => (error === undefined ? resolve() : reject(error))),
    );
    // The server's subscriptions are on their way when it says that it listens.
    const answer = (): Promise<unknown> => request(broker, 'nest.add', { n: 1 }, { timeoutMs: 2_000 }).catch(() => undefined);
    let answered: unknown;
    for (let attempt = 0; answered === undefined && attempt < 100; attempt += 1) answered = await answer();
    expect(answered).toBe(2);
    await expect(request(broker, 'nest.refuse', {}, { timeoutMs: 2_000 })).rejects.toMatchObject({ code: 'not-found' });

    // An answer goes to a service's inbox and nowhere else: neither to a subject that the asker may not publish to, nor to nobody.
    const asked = JSON.stringify({ pattern: 'nest.add', data: { n: 7 }, id: 'x' });
    for (const reply of ['crm.event.forged', '$JS.API.STREAM.PURGE.X', '_INBOX.x', '_INBOX_', undefined]) {
      broker.connected.publish('nest.add', asked, reply === undefined ? {} : { reply });
    }
    broker.connected.publish('nest.add', 'no JSON', { reply: '_INBOX_core.x' });
    expect(await request(broker, 'nest.add', { n: 2 }, { timeoutMs: 2_000 })).toBe(3);
    expect(added).not.toContain(7);
    await service.close();
  });

  it('asks a microservice and gives its answer or its refusal', async () => {
    const connection = await broker.connection();
    const service = connection.subscribe('ask.*', {
      callback: (_error, message) => {
        const { id, data } = message.json<{ id: string; data: { n: number } }>();
        const refusal = refusalOf(new DomainError('not-found', { detail: 'no such thing' }));
        const answer =
          message.subject === 'ask.good'
            ? { response: data.n + 1 }
            : message.subject === 'ask.bad'
              ? { err: refusal }
              : { err: 'x' };
        if (message.subject !== 'ask.silent') message.respond(JSON.stringify({ id, isDisposed: true, ...answer }));
      },
    });
    await expect(request(broker, 'ask.good', { n: 1 }, { timeoutMs: 1_000 })).resolves.toBe(2);
    await expect(request(broker, 'ask.bad', {}, { timeoutMs: 1_000 })).rejects.toMatchObject({
      code: 'not-found',
      message: 'no such thing',
    });
    await expect(request(broker, 'ask.broken', {}, { timeoutMs: 1_000 })).rejects.not.toBeInstanceOf(DomainError);
    await expect(request(broker, 'ask.silent', {}, { timeoutMs: 100 })).rejects.toMatchObject({ code: 'dependency-unavailable' });
    await expect(request(broker, 'nobody.there', {}, { timeoutMs: 1_000 })).rejects.toMatchObject({
      code: 'dependency-unavailable',
    });
    service.unsubscribe();
  });

  it('sets poison aside after five tries and lets the good ones pass, outages not counted', async () => {
    await provisionStreams(broker, [stream('POISON')]);
    const good: number[] = [];
    const poison: [number, string][] = [];
    const tries = new Map<number, number>();
    let writes = 0;
    const consumption = consume({
      broker,
      stream: 'POISON',
      durable: 'reader',
      maxAckPending: 8,
      onFact: async (fact) => {
        const attempt = (tries.get(nOf(fact)) ?? 0) + 1;
        tries.set(nOf(fact), attempt);
        if (nOf(fact) === 2 && attempt <= 2) throw new DomainError('dependency-unavailable');
        if (nOf(fact) % 3 === 2) throw new RangeError('bad');
        good.push(nOf(fact));
      },
      onPoison: async (fact, reason) => {
        const n = fact.payload === undefined ? 0 : nOf(fact);
        if (n === 5 && (writes += 1) === 1) throw new TypeError('not written');
        poison.push([n, reason]);
      },
    });
    await publishFacts(broker, numbered('POISON', 1, 6));
    (await broker.connection()).publish('poison.made', 'not json');
    await until(() => good.length === 4 && poison.length === 3, 20_000);
    await consumption.stop();
    expect([...good].sort()).toEqual([1, 3, 4, 6]);
    expect([...poison].sort()).toEqual([
      [0, 'malformed-json'],
      [2, 'RangeError'],
      [5, 'RangeError'],
    ]);
    // Once more, for it was not set aside.
    expect(tries.get(5)).toBe(6);
    expect(logged).toContainEqual(['fact-not-set-aside', 'TypeError']);
    expect(tries.get(2)).toBe(7);
  });

  it('gives a fact its five tries however often it was delivered to those who died with it, or met an outage', async () => {
    await provisionStreams(broker, [stream('TRIES')]);
    const started = (onFact: (fact: Fact) => Promise<void>, poison: number[] = []): Consumption =>
      consume({
        ...{ broker, stream: 'TRIES', durable: 'reader', maxAckPending: 1, onFact },
        onPoison: async (fact) => void poison.push(nOf(fact)),
      });
    await publishFacts(broker, numbered('TRIES', 1, 1));
    let delivered = 0;
    const before = started(async (fact) => {
      delivered = fact.deliveries;
      throw new DomainError('dependency-unavailable');
    });
    await until(() => delivered >= 5, 20_000);
    await before.stop();
    // Another process, which knows nothing of the one before.
    let [tries, isDone] = [0, false];
    const set: number[] = [];
    const after = started(async () => {
      tries += 1;
      if (tries < 5) throw new RangeError('not yet');
      isDone = true;
    }, set);
    await until(() => isDone || set.length > 0, 20_000);
    await after.stop();
    expect({ tries, isDone, set }).toEqual({ tries: 5, isDone: true, set: [] });
  }, 40_000);

  it('finishes the work in hand before it stops', async () => {
    await provisionStreams(broker, [stream('HAND')]);
    let finished = 0;
    let begun = 0;
    const consumption = consume({
      broker,
      stream: 'HAND',
      durable: 'reader',
      maxAckPending: 4,
      onFact: async () => {
        begun += 1;
        await sleep(200);
        finished += 1;
      },
      onPoison: () => Promise.reject(new Error('no poison here')),
    });
    await publishFacts(broker, numbered('HAND', 1, 4));
    await until(() => begun > 0);
    await consumption.stop();
    expect(finished).toBe(begun);
  });

  it.each([1, 16])('consumes everything over crashes with %i in hand', async (maxAckPending) => {
    const name = `CRASH${maxAckPending}`;
    await provisionStreams(broker, [stream(name)]);
    const seen = new Set<number>();
    const consumption = consume({
      broker,
      stream: name,
      durable: 'reader',
      maxAckPending,
      onFact: async (fact) => {
        await sleep(1);
        seen.add(nOf(fact));
      },
      onPoison: () => Promise.reject(new Error('no poison here')),
    });
    for (let round = 0; round < 3; round += 1) {
      const facts = numbered(name, round * 100 + 1, round * 100 + 100);
      await expect(publishFacts(broker, facts)).resolves.toBe(100);
      await until(() => seen.size > round * 100);
      await crash({ wipe: false });
    }
    await until(() => seen.size === 300, 20_000);
    await consumption.stop();
  });

  it('consumes from a stream that was wiped and made again', async () => {
    await provisionStreams(broker, [stream('WIPED')]);
    const seen: number[] = [];
    const consumption = consume({
      broker,
      stream: 'WIPED',
      durable: 'reader',
      maxAckPending: 4,
      onFact: async (fact) => void seen.push(nOf(fact)),
      onPoison: () => Promise.reject(new Error('no poison here')),
    });
    await publishFacts(broker, numbered('WIPED', 1, 3));
    await until(() => seen.length === 3);
    await crash({ wipe: true });
    await provisionStreams(broker, [stream('WIPED')]);
    await publishFacts(broker, numbered('WIPED', 4, 5));
    await until(() => seen.length === 5);
    await consumption.stop();
    expect([...seen].sort()).toEqual([1, 2, 3, 4, 5]);
  });

  it('follows in batches from a checkpoint, over a crash and a wipe, and tells the incarnation', async () => {
    const [made] = await provisionStreams(broker, [stream('FOLLOW')]);
    const incarnation = made?.createdAt as string;
    await publishFacts(broker, numbered('FOLLOW', 1, 1_000));
    const seen: { n: number; incarnation: string; sequence: number }[] = [];
    let batches = 0;
    let failures = 2;
    const following = followFacts({
      broker,
      stream: 'FOLLOW',
      startAfter: { incarnation, sequence: 10 },
      maxBatch: 100,
      onBatch: async (facts, context) => {
        if (failures > 0) {
          failures -= 1;
          throw new Error('not now');
        }
        expect(facts.length).toBeLessThanOrEqual(100);
        batches += 1;
        for (const fact of facts) seen.push({ n: nOf(fact), incarnation: context.incarnation, sequence: fact.sequence });
      },
    });
    await until(() => seen.length === 990);
    expect(seen.map(({ n }) => n)).toEqual(Array.from({ length: 990 }, (_, index) => index + 11));
    expect(batches).toBeLessThan(100);
    await crash({ wipe: false });
    await publishFacts(broker, numbered('FOLLOW', 1_001, 1_005));
    await until(() => seen.length === 995);
    expect(seen.slice(990).map((item) => [item.n, item.incarnation])).toEqual(
      [1_001, 1_002, 1_003, 1_004, 1_005].map((n) => [n, incarnation]),
    );
    await crash({ wipe: true });
    const [anew] = await provisionStreams(broker, [stream('FOLLOW')]);
    await publishFacts(broker, numbered('FOLLOW', 2_001, 2_003));
    await until(() => seen.length === 998);
    await following.stop();
    expect(seen.slice(995)).toEqual(
      [1, 2, 3].map((sequence) => ({ n: 2_000 + sequence, incarnation: anew?.createdAt, sequence })),
    );
    expect(anew?.createdAt).not.toBe(incarnation);
  });

  it('hands an urgent fact over at once, with what waited before it', async () => {
    await provisionStreams(broker, [stream('URGENT')]);
    const batches: number[][] = [];
    const following = followFacts({
      ...{ broker, stream: 'URGENT', startAfter: 'beginning', maxWaitMs: 30_000 },
      isUrgent: (subject) => subject === 'urgent.refused',
      onBatch: async (facts) => void batches.push(facts.map(nOf)),
    });
    const [first, second, third] = numbered('URGENT', 1, 3);
    if (first === undefined || second === undefined || third === undefined) throw new Error('too few');
    await publishFacts(broker, [first, { ...second, subject: 'urgent.refused' }, third]);
    await until(() => batches.length > 0);
    expect(batches).toEqual([[1, 2]]);
    await following.stop();
  });

  it('follows only what is new, of one subject', async () => {
    await provisionStreams(broker, [stream('FRESH')]);
    await publishFacts(broker, numbered('FRESH', 1, 5));
    const seen: number[] = [];
    const following = followFacts({
      broker,
      stream: 'FRESH',
      filterSubject: 'fresh.wanted',
      startAfter: 'new',
      onFact: async (fact) => void seen.push(nOf(fact)),
    });
    await sleep(300);
    await publishFact(broker, 'fresh.other', 'o', { n: 98 });
    await publishFact(broker, 'fresh.wanted', 'w', { n: 99 });
    await until(() => seen.length === 1);
    await following.stop();
    expect(seen).toEqual([99]);
  });

  it('follows from so many before the end, or all there are', async () => {
    await provisionStreams(broker, [stream('LATEST')]);
    await publishFacts(broker, numbered('LATEST', 1, 5));
    for (const [latest, expected] of [
      [2, [4, 5]],
      [1_000, [1, 2, 3, 4, 5]],
    ] as const) {
      const seen: number[] = [];
      const onFact = async (fact: Fact): Promise<void> => void seen.push(nOf(fact));
      const following = followFacts({ broker, stream: 'LATEST', startAfter: { latest }, onFact });
      await until(() => seen.length >= expected.length);
      await following.stop();
      expect(seen).toEqual(expected);
    }
  });
});
