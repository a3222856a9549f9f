import { randomUUID } from 'node:crypto';
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { provisionStreams, publishFacts, type Broker, type Consumption, type Fact } from './index.js';
import { eraseMessage } from './streams.js';
import { consume, PrivateServer } from './private-server.fixture.js';
import { until } from '#testing';

const STREAM = { name: 'ONCE', subjects: ['once.>'], maxAgeMs: 3_600_000, duplicateWindowMs: 120_000 };
const FACTS = 60;

describe('a stream whose facts are erased once they are done', () => {
  let server: PrivateServer;
  let broker: Broker;

  beforeAll(async () => {
    server = await PrivateServer.create();
    await server.start();
    broker = server.broker();
    await broker.connection();
    await provisionStreams(broker, [STREAM]);
  });
  afterAll(async () => {
    await broker.close();
    await server.remove();
  });

  const left = async (): Promise<{ messages: number; unconfirmed: number }> => {
    const manager = await jetstreamManager(await broker.connection());
    const [stream, consumer] = await Promise.all([manager.streams.info('ONCE'), manager.consumers.info('ONCE', 'reader')]);
    return { messages: stream.state.messages, unconfirmed: consumer.num_ack_pending };
  };

  it('holds nothing of them afterwards, not on its disk either, over a crash and with poison among them', async () => {
    const [word, poisonWord] = [randomUUID(), randomUUID()];
    const facts = Array.from({ length: FACTS }, (_, n) => {
      return { subject: 'once.made', msgId: `once-${n}`, payload: { n, text: `${n % 10 === 7 ? poisonWord : word}-${n}` } };
    });
    await publishFacts(broker, facts);
    expect([await server.stores(word), await server.stores(poisonWord)]).toEqual([true, true]);

    const [done, aside] = [new Set<number>(), new Set<number>()];
    const nOf = ({ payload }: Fact): number => (payload as { n: number }).n;
    const consumption = consume({
      ...{ broker, stream: 'ONCE', durable: 'reader', maxAckPending: 8, erasesDone: true },
      onFact: (fact) => {
        if (nOf(fact) % 10 === 7) return Promise.reject(new RangeError('bad'));
        done.add(nOf(fact));
        return Promise.resolve();
      },
      onPoison: (fact) => Promise.resolve(void aside.add(nOf(fact))),
    });
    await until(() => done.size > 10);
    await server.stop('SIGKILL');
    await server.start();
    await until(() => done.size === FACTS - 6 && aside.size === 6, 30_000);
    for (const end = Date.now() + 15_000; (await left()).messages > 0 && Date.now() < end;);
    await consumption.stop();
    expect(await left()).toEqual({ messages: 0, unconfirmed: 0 });
    expect([await server.stores(word), await server.stores(poisonWord)]).toEqual([false, false]);
  });

  it.each([
    ['every place', 2],
    ['some places', 8],
  ])('goes on when the broker holds %s for what will never be confirmed', async (_, places) => {
    const manager = await jetstreamManager(await broker.connection());
    const [durable, subject, taken] = [`held-${places}`, `once.held${places}`, 2];
    await manager.consumers.add('ONCE', {
      ...{ durable_name: durable, ack_policy: AckPolicy.Explicit, ack_wait: nanos(60_000) },
      ...{ max_ack_pending: places, filter_subject: subject },
    });
    const facts = Array.from({ length: 4 }, (_, n) => ({ subject, msgId: `${durable}-${n}`, payload: { n } }));
    await publishFacts(broker, facts);
    // Taken by nobody who will ever answer, for longer than this test lasts.
    const held = await jetstream(await broker.connection()).consumers.get('ONCE', durable);
    for await (const message of await held.fetch({ max_messages: taken, expires: 5_000 })) expect(message.seq).toBeGreaterThan(0);
    const done = new Set<number>();
    const consumption = consume({
      ...{ broker, stream: 'ONCE', durable, filterSubject: subject, maxAckPending: places, erasesDone: true },
      ...{ stalledAfterMs: 500, onPoison: () => Promise.resolve() },
      onFact: ({ payload }) => Promise.resolve(void done.add((payload as { n: number }).n)),
    });
    await until(() => done.size === facts.length, 30_000);
    await consumption.stop();
  });

  it('delivers what takes the places of messages that a crash lost, whose confirmations it did not lose', async () => {
    await provisionStreams(broker, [{ ...STREAM, name: 'TAIL', subjects: ['tail.>'] }]);
    const done = new Set<number>();
    const started = (): Consumption =>
      consume({
        ...{ broker, stream: 'TAIL', durable: 'tail', maxAckPending: 8, erasesDone: true, stalledAfterMs: 2_000 },
        onFact: ({ payload }) => Promise.resolve(void done.add((payload as { n: number }).n)),
        onPoison: () => Promise.resolve(),
      });
    const publish = (from: number, to: number): Promise<number> =>
      publishFacts(
        broker,
        Array.from({ length: to - from }, (_, n) => ({
          ...{ subject: 'tail.made', msgId: `tail-${from + n}`, payload: { n: from + n } },
        })),
      );
    const restart = async (meanwhile: () => Promise<void>): Promise<void> => {
      await server.stop('SIGTERM');
      await until(() => !broker.isConnected);
      await meanwhile();
      await server.start();
      await broker.connection();
    };
    await publish(0, 2);
    await restart(() => server.keep('TAIL'));
    const before = started();
    await publish(2, 20);
    await until(() => done.size === 20);
    await before.stop();
    await restart(() => server.loseSince('TAIL'));
    const after = started();
    try {
      await publish(20, 24);
      await until(() => done.size === 24, 20_000);
    } finally {
      await after.stop();
    }
  });

  it('takes a message that is gone already for erased, and a stream that is not there for an error', async () => {
    await expect(eraseMessage(broker, 'ONCE', 1)).resolves.toBeUndefined();
    await expect(eraseMessage(broker, 'NONE', 1)).rejects.toBeDefined();
  });
});
