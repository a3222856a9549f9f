import { setTimeout as sleep } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { STREAMS } from '#contracts';
import { Secret } from '#kernel';
import { provisionStreams, startBroker, type Broker } from '#messaging';
import { createLogger } from '#platform';
import { isolatedBroker, testDatabase, type IsolatedBroker, type TestDatabase } from '#testing';
import { CoreParts, sharedKeys } from '../commands/core-parts.fixture.js';
import type { CoreConfig } from '../config.js';
import { Relay } from './relay.js';

/** So long the stream of this spec remembers ids: an outage of more than ten minutes, made short. */
const REMEMBERED_MS = 200;

let database: TestDatabase;
let server: IsolatedBroker;
let broker: Broker;
let core: CoreParts;

beforeAll(async () => {
  database = await testDatabase();
  server = await isolatedBroker();
  const { user, password } = server.users.core;
  broker = startBroker({ url: server.url, user, password: new Secret(password), name: 'relay-spec' });
  await broker.connection();
  const { name, subjects } = STREAMS.crm;
  await provisionStreams(broker, [{ name, subjects, maxAgeMs: 3_600_000, duplicateWindowMs: REMEMBERED_MS }]);
  core = await new CoreParts(database.coreUrl, await sharedKeys()).begin();
});
afterAll(async () => {
  await core.end();
  await broker.close();
  await server.remove();
  await database.drop();
});

const logged = async (): Promise<string[]> =>
  (await core.rows<{ id: string }>('SELECT id FROM es.events ORDER BY tx_id, seq')).map(({ id }) => id);
async function published(): Promise<string[]> {
  const manager = await jetstreamManager(await broker.connection());
  const { state } = await manager.streams.info(STREAMS.crm.name);
  const ids: string[] = [];
  for (let seq = 1; seq <= state.last_seq; seq += 1)
    ids.push((await manager.streams.getMessage(STREAMS.crm.name, { seq }))?.header.get('Nats-Msg-Id') ?? '');
  return ids;
}
/** Relays until the stream has as many messages as the log has events, and a moment longer. */
async function relayed(): Promise<void> {
  const config = { databaseUrl: new Secret(database.coreUrl) } as CoreConfig;
  const logger = createLogger({ service: 'crm-core', instance: '0', level: 'fatal' });
  const relay = new Relay(config, core.pool, core.store, core.log, broker, logger);
  relay.start();
  const { length } = await logged();
  for (const end = Date.now() + 15_000; (await published()).length < length && Date.now() < end; await sleep(20));
  for (const end = Date.now() + 15_000; Date.now() < end && !(await isAtEnd()); await sleep(20));
  await relay.stop();
}
const isAtEnd = async (): Promise<boolean> =>
  (
    await core.rows(
      `SELECT 1 FROM es.checkpoints c WHERE c.name = 'relay' AND (c.tx_id, c.seq) = (SELECT tx_id, seq FROM es.events ORDER BY tx_id DESC, seq DESC LIMIT 1)`,
    )
  ).length === 1;

describe('the relay', () => {
  it('publishes once what the stream took and could not confirm, also when the broker remembers no id any more', async () => {
    for (let n = 0; n < 8; n += 1) await core.send('CreateContact', { name: 'Name' });
    await relayed();
    expect(await published()).toEqual(await logged());

    // As if it had ended before the last five confirmations came.
    await core.rows(
      `UPDATE es.checkpoints SET (tx_id, seq) = (SELECT tx_id, seq FROM es.events ORDER BY tx_id DESC, seq DESC OFFSET 5 LIMIT 1)
       WHERE name = 'relay'`,
    );
    await sleep(2 * REMEMBERED_MS);
    await core.send('CreateContact', { name: 'Name' });
    await relayed();
    expect(await published()).toEqual(await logged());
  });
});
