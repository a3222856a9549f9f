import { jetstreamManager } from '@nats-io/jetstream';
import { connect, PermissionViolationError, type NatsConnection } from '@nats-io/transport-node';
import { isolatedBroker, type IsolatedBroker } from '#testing';
import { inboxPrefix, NATS_USERS, type NatsUser } from '../nats-permissions.js';

let broker: IsolatedBroker;
const open: NatsConnection[] = [];

beforeAll(async () => {
  broker = await isolatedBroker();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((connection) => connection.close()));
});
afterAll(() => broker.remove());

async function as(user: NatsUser): Promise<NatsConnection> {
  const { password } = broker.users[user];
  const connection = await connect({
    servers: broker.url,
    user,
    pass: password,
    inboxPrefix: inboxPrefix(user),
    reconnect: false,
  });
  open.push(connection);
  return connection;
}

/** The violations the broker reports for what was done: it answers a forbidden publish with an error on the connection. */
async function refusals(user: NatsUser, act: (connection: NatsConnection) => void): Promise<string[]> {
  const connection = await as(user);
  const refused: string[] = [];
  void (async () => {
    for await (const status of connection.status()) {
      if (status.type === 'error' && status.error instanceof PermissionViolationError) {
        refused.push(`${status.error.operation} ${status.error.subject}`);
      }
    }
  })();
  act(connection);
  await connection.flush();
  await connection.flush();
  return refused;
}

const publishing = (user: NatsUser, subjects: readonly string[]) =>
  refusals(user, (connection) => subjects.forEach((subject) => connection.publish(subject, 'x')));

const subscribing = (user: NatsUser, subjects: readonly string[]) =>
  refusals(user, (connection) => subjects.forEach((subject) => connection.subscribe(subject, { callback: () => undefined })));

const EVERY_KIND = [
  ...['crm.command.CreateContact', 'crm.query.ContactPoints', 'crm.event.ContactCreated', 'monitor.query.Counts'],
  ...[
    'watch.event.1.card.viewed',
    'access.user.deactivated',
    'access.cutoff.applied',
    'access.heartbeat.crm-core',
    'access.heartbeat.access-gateway',
    'alarm.limit-reached',
  ],
  ...['lead.received.form', 'lead.forms', 'lead.committed', 'forms.changed', '_INBOX_core.x', '_INBOX_gateway.x', '_INBOX.x'],
  ...['_INBOX_gateway.monitor.x', '_INBOX_gateway.monitor.x.y'],
  ...[
    '$JS.API.STREAM.CREATE.X',
    '$JS.API.STREAM.DELETE.CRM',
    '$JS.API.STREAM.PURGE.CRM',
    '$JS.API.CONSUMER.CREATE.LEADS',
    '$SYS.REQ.SERVER.PING',
  ],
  ...['$JS.ACK.LEADS.c.1.1.1.1.1', 'anything.else'],
  ...['$JS.API.CONSUMER.DELETE.ACCESS.core-deactivations', '$JS.API.CONSUMER.DELETE.ACCESS.gateway-cutoffs'],
];

const MAY_PUBLISH: Record<NatsUser, readonly string[]> = {
  core: [
    ...['crm.event.ContactCreated', 'access.cutoff.applied', 'access.heartbeat.crm-core', 'forms.changed'],
    ...['lead.received.form', 'lead.forms', 'lead.committed', '$JS.ACK.LEADS.c.1.1.1.1.1'],
    ...['$JS.API.CONSUMER.DELETE.ACCESS.core-deactivations', '$JS.API.CONSUMER.DELETE.ACCESS.gateway-cutoffs'],
    ...['$JS.API.STREAM.CREATE.X', '$JS.API.STREAM.DELETE.CRM', '$JS.API.STREAM.PURGE.CRM', '$JS.API.CONSUMER.CREATE.LEADS'],
  ],
  gateway: [
    ...['crm.command.CreateContact', 'crm.query.ContactPoints', 'monitor.query.Counts', 'watch.event.1.card.viewed'],
    ...['access.cutoff.applied', 'access.heartbeat.access-gateway', '$JS.API.CONSUMER.DELETE.ACCESS.gateway-cutoffs'],
  ],
  monitor: ['access.user.deactivated', 'alarm.limit-reached', '_INBOX_gateway.monitor.x'],
  ingest: ['lead.received.form', 'lead.forms', 'lead.committed'],
};

describe('the broker', () => {
  it('refuses who does not sign in, and who guesses', async () => {
    await expect(connect({ servers: broker.url, reconnect: false })).rejects.toThrow(/authorization/i);
    await expect(connect({ servers: broker.url, user: 'core', pass: 'guess', reconnect: false })).rejects.toThrow(
      /authorization/i,
    );
  });

  it.each(NATS_USERS)('refuses %s every subject but its own', async (user) => {
    const refused = await publishing(user, EVERY_KIND);
    const expected = EVERY_KIND.filter((subject) => !MAY_PUBLISH[user].includes(subject)).map((subject) => `publish ${subject}`);
    expect(refused.toSorted()).toEqual(expected.toSorted());
  });

  it.each(NATS_USERS)('refuses %s listening to everything and to the replies of others', async (user) => {
    const others = NATS_USERS.filter((other) => other !== user).map((other) => `${inboxPrefix(other)}.>`);
    const forbidden = [
      '>',
      '_INBOX.>',
      ...others,
      ...(user === 'core' ? [] : ['crm.command.*', 'lead.received.*', 'crm.event.>']),
    ];
    const refused = await subscribing(user, forbidden);
    expect(refused.toSorted()).toEqual(forbidden.map((subject) => `subscription ${subject}`).toSorted());
  });

  it('carries a request of the gateway to core and the reply back', async () => {
    const [core, gateway] = await Promise.all([as('core'), as('gateway')]);
    core.subscribe('crm.command.*', { queue: 'core', callback: (_error, message) => void message.respond('done') });
    await core.flush();
    expect((await gateway.request('crm.command.CreateContact', 'x', { timeout: 2_000 })).string()).toBe('done');
  });

  it('lets core make streams, the gateway and the monitor consume theirs, and ingest none', async () => {
    const manager = await jetstreamManager(await as('core'));
    for (const [name, subject] of [
      ['CRM', 'crm.event.>'],
      ['WATCH', 'watch.event.>'],
      ['ACCESS', 'access.user.deactivated'],
      ['LEADS', 'lead.received.*'],
    ] as const) {
      await manager.streams.add({ name, subjects: [subject] });
    }
    await manager.jetstream().publish('crm.event.ContactCreated', '1', { msgID: 'one' });
    const gateway = (await jetstreamManager(await as('gateway'))).jetstream();
    const ordered = await gateway.consumers.get('CRM', { filter_subjects: 'crm.event.>' });
    expect((await ordered.next({ expires: 2_000 }))?.string()).toBe('1');

    const monitorManager = await jetstreamManager(await as('monitor'));
    await monitorManager.consumers.add('WATCH', { durable_name: 'windows', filter_subject: 'watch.event.1.>' });
    const own = await gateway.publish('watch.event.1.card.viewed', '2', { msgID: 'two' });
    expect(own.stream).toBe('WATCH');
    const viewed = await (await monitorManager.jetstream().consumers.get('WATCH', 'windows')).next({ expires: 2_000 });
    expect(viewed?.string()).toBe('2');
    expect(await viewed?.ackAck({ timeout: 2_000 })).toBe(true);

    const lead = await (
      await jetstreamManager(await as('core'))
    )
      .jetstream()
      .publish('lead.received.form', '3', { msgID: 'three' });
    expect(lead.stream).toBe('LEADS');
    await expect(jetstreamManager(await as('ingest'), { timeout: 500 })).rejects.toBeDefined();
  });

  it('keeps streams over kill -9', async () => {
    await broker.kill();
    await broker.start();
    const manager = await jetstreamManager(await as('core'));
    expect((await manager.streams.info('LEADS')).state.messages).toBe(1);
  });
});
