import { createHmac, randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import type { Alarm } from '#contracts';
import { Secret } from '#kernel';
import { createLogger } from '#platform';
import { eventually, testDatabase, type TestDatabase } from '#testing';
import { AuditTrail } from '../accounts/audit-trail.js';
import { GatewayDatabase } from '../database/gateway-database.js';
import type { Who } from '../requests/request-context.js';
import { DeliveryQueue, type Delivery } from './delivery-queue.js';
import { WebhookKeys } from './webhook-keys.js';
import { WebhookSender } from './webhook-sender.js';
import { WebhookStore } from './webhook-store.js';

interface Taken {
  readonly at: number;
  readonly body: string;
  readonly signature: string;
}

const logger = createLogger({ service: 'access-gateway', instance: 'spec', level: 'fatal' });
const who = { caller: { userId: uuidv7() }, ip: '127.0.0.1' } as unknown as Who;
const keys = new WebhookKeys(Buffer.alloc(32, 5));
const WAITS = [50, 150];

let testing: TestDatabase;
let database: GatewayDatabase;
let server: Server;
let url: string;
/** Statuses of the next answers; 200 when there are none left. */
let answers: number[] = [];
let taken: Taken[] = [];
/** What the monitor's list holds. */
let alarms: Alarm[] = [];
let senders: WebhookSender[] = [];

beforeAll(async () => {
  testing = await testDatabase();
  database = new GatewayDatabase({ url: new Secret(testing.gatewayUrl), name: 'spec', logger, maxConnections: 4 });
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const status = request.url === '/elsewhere' ? 200 : (answers.shift() ?? 200);
      taken.push({ at: performance.now(), body, signature: String(request.headers['palisade-signature']) });
      response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  await database.close();
  await testing.drop();
});
beforeEach(() => {
  [answers, taken, alarms, senders] = [[], [], [], []];
});
afterEach(async () => {
  await Promise.all(senders.map((sender) => sender.stop()));
  await database.pool.query('DELETE FROM access.webhooks');
});

const storeOf = (allowPrivateTargets = true): WebhookStore =>
  new WebhookStore({ database, audit: new AuditTrail(database), keys, allowPrivateTargets });
const queue = (): DeliveryQueue => new DeliveryQueue(database, WAITS);
function startSender(allowPrivateTargets = true): WebhookSender {
  const monitor = {
    alarms: ({ afterId, limit }: { afterId: string | null; limit: number }) =>
      Promise.resolve({ ok: true as const, items: alarms.filter(({ id }) => id > (afterId ?? '')).slice(0, limit) }),
  };
  const sender = new WebhookSender({ queue: queue(), keys, monitor, allowPrivateTargets, logger });
  sender.start();
  senders.push(sender);
  return sender;
}
async function made(types: readonly Alarm['type'][] = ['user.deactivated']): Promise<{ id: string; secret: string }> {
  const { webhook, secret } = await storeOf().create(who, { url, types: [...types] }, undefined);
  return { id: webhook.id, secret: secret?.expose() ?? '' };
}
function raise(type: Alarm['type'] = 'user.deactivated'): Alarm {
  const alarm: Alarm = {
    ...{ id: uuidv7(), type, severity: 'critical', at: new Date().toISOString(), userId: uuidv7() },
    message: 'Cut off – at the limit.',
  };
  alarms.push(alarm);
  for (const sender of senders) sender.wake();
  return alarm;
}
const inState = (id: string, state: Delivery['state'], count = 1): Promise<Delivery[]> =>
  eventually(`${count} ${state}`, async () => {
    const found = await queue().list(id, state, null, 100);
    return found.length >= count ? found : undefined;
  });

describe('a webhook', () => {
  it('is sent each alarm of its types once, in order, signed with its secret; none of before it', async () => {
    raise();
    await sleep(5);
    const { id, secret } = await made(['user.deactivated', 'mass.deletion']);
    // As on two gateways.
    for (const _ of [1, 2]) startSender();
    expect(taken).toEqual([]);
    const sent = [raise(), raise('mass.deletion')];
    raise('limit.approached');
    sent.push(raise());
    await inState(id, 'delivered', 3);
    await sleep(100);
    expect(taken.map(({ body }) => (JSON.parse(body) as Alarm).id).toSorted()).toEqual(sent.map((alarm) => alarm.id));
    expect(taken.map(({ body }) => JSON.parse(body) as Alarm)).toEqual(expect.arrayContaining(sent));
    for (const { body, signature } of taken) {
      const [, seconds = '', mac = ''] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature) ?? [];
      expect(createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')).toBe(mac);
      expect(Math.abs(Number(seconds) - Date.now() / 1_000)).toBeLessThan(60);
    }
  });

  it('that does not take it is asked again, later and later, until it does', async () => {
    const { id } = await made();
    startSender();
    answers = [500, 503];
    raise();
    const [delivery] = await inState(id, 'delivered');
    expect(delivery).toMatchObject({ attempts: 3, fault: null, status: 200 });
    const [first, second, third] = taken.map(({ at }) => at) as [number, number, number];
    expect(second - first).toBeGreaterThanOrEqual(45);
    expect(third - second).toBeGreaterThanOrEqual(145);
    expect(new Set(taken.map(({ body }) => body)).size).toBe(1);
  });

  it('that never takes it leaves it dead, redirects or not, and gets the next one all the same; what is dead can be tried again', async () => {
    const { id } = await made();
    startSender();
    answers = [302, 302, 302];
    const alarm = raise();
    expect(await inState(id, 'dead')).toMatchObject([
      { alarmId: alarm.id, attempts: 3, fault: 'answered', status: 302, dueAt: null },
    ]);
    expect(taken).toHaveLength(3);
    raise();
    await inState(id, 'delivered');
    expect(await storeOf().retry(who, id, queue())).toBe(1);
    await inState(id, 'delivered', 2);
    expect(taken).toHaveLength(5);
    expect(await queue().list(id, 'dead', null, 10)).toEqual([]);
  });

  it('is gone on with after a restart, from what was noted and what was raised meanwhile', async () => {
    const { id } = await made();
    const sender = startSender();
    answers = [500];
    const first = raise();
    await eventually('the first try', () => (taken.length > 0 ? true : undefined));
    await sender.stop();
    const second = raise();
    expect(await queue().list(id, 'delivered', null, 10)).toEqual([]);
    senders = [];
    startSender();
    await inState(id, 'delivered', 2);
    expect(taken.map(({ body }) => (JSON.parse(body) as Alarm).id).toSorted()).toEqual([first.id, first.id, second.id]);
  });

  it('is tried by one at a time, and by another when the one is dead', async () => {
    await made();
    await queue().note([raise()]);
    expect(await queue().claim([])).toHaveLength(1);
    expect(await queue().claim([])).toEqual([]);
    await database.pool.query('UPDATE access.webhook_deliveries SET lease_until = clock_timestamp()');
    expect(await queue().claim([])).toMatchObject([{ attempts: 2 }]);
  });

  it('is not sent to what is not public, though it was when it was made', async () => {
    const { id } = await made();
    startSender(false);
    raise();
    expect(await inState(id, 'dead')).toMatchObject([{ fault: 'not-public', status: null }]);
    expect(taken).toEqual([]);
  });

  it('ends with what was still to be sent, and with its secret', async () => {
    const { id } = await made();
    await queue().note([raise()]);
    expect(await storeOf().end(who, id)).toBe(true);
    startSender();
    raise();
    await sleep(200);
    expect(taken).toEqual([]);
    const { rows } = await database.pool.query<{ sealed: string | null }>('SELECT sealed FROM access.webhooks');
    expect(rows).toEqual([{ sealed: null }]);
    expect([await storeOf().end(who, id), await storeOf().list(null, 10), await storeOf().retry(who, id, queue())]).toEqual([
      false,
      [],
      null,
    ]);
  });
});

describe('making a webhook', () => {
  const making = (target: string, key?: string, allowPrivate = false): Promise<unknown> =>
    storeOf(allowPrivate).create(who, { url: target, types: ['user.deactivated'] }, key);

  it.each([
    ['http://127.0.0.1/', 'target-not-public'],
    ['http://localhost:8080/hook', 'target-not-public'],
    ['http://[::1]/', 'target-not-public'],
    ['http://[::ffff:10.0.0.1]/', 'target-not-public'],
    ['http://2130706433/', 'target-not-public'],
    ['https://192.168.0.1/', 'target-not-public'],
    ['https://me:secret@93.184.215.14/', 'validation-failed'],
    ['ftp://93.184.215.14/', 'validation-failed'],
    ['hook', 'validation-failed'],
  ])('to %s is refused, and nothing is made', async (target, code) => {
    await expect(making(target)).rejects.toMatchObject({ code, options: { errors: [{ path: 'url' }] } });
    expect(await storeOf().list(null, 10)).toEqual([]);
  });

  it('again under the same key is the same one, without its secret; under the key of another it is refused', async () => {
    const key = randomUUID();
    const first = (await making(url, key, true)) as { webhook: object; secret: Secret<string> };
    expect(first.secret.expose()).toMatch(/^whsec_/);
    expect(await making(url, key, true)).toEqual({ webhook: first.webhook, secret: undefined });
    await expect(making(`${url}/another`, key, true)).rejects.toMatchObject({ code: 'idempotency-key-reused' });
    expect(await storeOf().list(null, 10)).toEqual([first.webhook]);
    const { rows } = await database.pool.query<{ row: string }>('SELECT w::text AS row FROM access.webhooks AS w');
    expect(rows).toHaveLength(1);
    for (const kept of [url, '/hook', first.secret.expose(), first.secret.expose().slice(6)])
      expect(rows[0]?.row).not.toContain(kept);
    const audited = await database.pool.query<{ details: object }>(
      `SELECT details FROM access.audit WHERE type = 'webhook.created' ORDER BY id DESC LIMIT 1`,
    );
    expect(audited.rows[0]?.details).toEqual({
      ...{ webhookId: (first.webhook as { id: string }).id, host: new URL(url).host, types: ['user.deactivated'] },
    });
  });

  it('under a key of a week ago is another one', async () => {
    const key = randomUUID();
    const target = `${url}/weekly`;
    const made = async (to = target): Promise<{ id: string; isNew: boolean }> => {
      const { webhook, secret } = (await making(to, key, true)) as { webhook: { id: string }; secret?: Secret<string> };
      return { id: webhook.id, isNew: secret !== undefined };
    };
    const age = (id: string) => `UPDATE access.webhooks SET created_at = created_at - interval '8 days' WHERE id = '${id}'`;
    const first = await made();
    await database.pool.query(age(first.id));
    const second = await made(`${target}/2`);
    expect(second).toMatchObject({ isNew: true, id: expect.not.stringMatching(first.id) });
    // Whatever became of the first, the key stands for the second.
    await storeOf(true).end(who, first.id);
    expect(await made(`${target}/2`)).toEqual({ id: second.id, isNew: false });
    await database.pool.query(age(second.id));
    expect((await made()).isNew).toBe(true);
  });

  it('ends at as many as there is room for', async () => {
    for (let made = 0; made < 50; made += 1) await making(url, undefined, true);
    await expect(making(url, undefined, true)).rejects.toMatchObject({ code: 'capacity-reached' });
  });
});
