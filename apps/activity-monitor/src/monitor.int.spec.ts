import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  STREAMS,
  SUBJECTS,
  watchPartition,
  type Alarm,
  type AlarmsReply,
  type CutoffApplied,
  type UserDeactivatedFact,
} from '#contracts';
import { Secret } from '#kernel';
import { connectBroker, followFacts, provisionStreams, publishFact, request, type Broker, type Fact } from '#messaging';
import { createLogger } from '#platform';
import { eventually, isolatedBroker, type IsolatedBroker } from '#testing';
import { monitorConfigSchema } from './config.js';
import { contactLimit, GateDatabase } from './gate/gate-database.fixture.js';
import { startMonitor, type Monitor } from './monitor.js';

const DAY_MS = 86_400_000;
const logger = createLogger({ service: 'activity-monitor', instance: 'spec', level: 'fatal' });

let gate: GateDatabase;
let server: IsolatedBroker;
let core: Broker;
let gateway: Broker;
let monitors: Monitor[] = [];

beforeAll(async () => {
  gate = await GateDatabase.open();
  server = await isolatedBroker();
  core = await connectAs('core');
  gateway = await connectAs('gateway');
  await provision();
});
afterAll(async () => {
  await Promise.all(monitors.map((monitor) => monitor.stop()));
  await Promise.all([core.close(), gateway.close()]);
  await server.remove();
  await gate.close();
});
beforeEach(async () => {
  await gate.settings({ limits: [contactLimit(1)] });
  monitors = [await start()];
});
afterEach(async () => {
  await Promise.all(monitors.map((monitor) => monitor.stop()));
  monitors = [];
});

function connectAs(user: 'core' | 'gateway'): Promise<Broker> {
  const login = server.users[user];
  return connectBroker({ url: server.url, user: login.user, password: new Secret(login.password), name: `spec-${user}` });
}

/** The streams, as core makes them. */
async function provision(): Promise<void> {
  const bounds = { maxAgeMs: DAY_MS, duplicateWindowMs: 120_000 };
  await provisionStreams(
    core,
    Object.values(STREAMS).map((stream) => ({ ...stream, ...bounds })),
  );
}

function start(): Promise<Monitor> {
  const login = server.users.monitor;
  const config = monitorConfigSchema.parse({
    PALISADE_DATABASE_URL: gate.database.monitorUrl,
    PALISADE_NATS_URL: server.url,
    PALISADE_NATS_USER: login.user,
    PALISADE_NATS_PASSWORD: login.password,
  });
  return startMonitor(config, logger);
}

/** What the gateway's relay does: from the outbox to the stream. */
async function relay(userId: string): Promise<void> {
  for (const event of await gate.events(userId)) {
    const subject = SUBJECTS.watchEvent(watchPartition(userId), event.type);
    await publishFact(gateway, subject, event.id, event);
  }
}

/** Opens cards until the gate holds the person. */
async function overrun(): Promise<string> {
  const viewer = await gate.person();
  for (let opening = 0; opening < 3; opening += 1) await gate.admit({ viewer });
  return viewer;
}

const folded = (userId: string) => async (): Promise<number | undefined> => {
  const { rows } = await gate.monitor.query<{ opens: number }>(
    "SELECT opens::integer FROM monitor.windows WHERE user_id = $1 AND measure = 'contact.opened' AND \"window\" = 'day'",
    [userId],
  );
  return rows[0]?.opens;
};

/** As gateways ask: into no other place may a monitor answer. */
const ASKING = { timeoutMs: 2_000, answersTo: SUBJECTS.monitorAnswers };

const alarmOf = (userId: string) => async (): Promise<Alarm | undefined> => {
  const query = { limit: 50, beforeId: null, afterId: null };
  // Nobody answers while the monitor starts.
  const reply = await request<AlarmsReply>(gateway, SUBJECTS.monitorQuery('Alarms'), query, ASKING).catch(() => undefined);
  return reply?.items.find((alarm) => alarm.userId === userId && alarm.type === 'user.deactivated');
};

async function facts(stream: string, filterSubject: string, forMs = 400): Promise<Fact[]> {
  const seen: Fact[] = [];
  const following = followFacts({
    broker: core,
    stream,
    filterSubject,
    startAfter: 'beginning',
    onFact: (fact) => Promise.resolve(void seen.push(fact)),
  });
  await sleep(forMs);
  await following.stop();
  return seen;
}

const cutOffFacts = async (userId: string): Promise<UserDeactivatedFact[]> =>
  (await facts(STREAMS.access.name, SUBJECTS.userDeactivated))
    .map((fact) => fact.payload as UserDeactivatedFact)
    .filter((fact) => fact.userId === userId);

async function confirm(
  broker: Broker,
  fact: UserDeactivatedFact,
  service: CutoffApplied['service'],
  afterMs: number,
): Promise<void> {
  const at = new Date(Date.parse(fact.refusedAt) + afterMs).toISOString();
  const applied: CutoffApplied = { deactivationId: fact.id, service, instance: '0', at };
  await publishFact(broker, SUBJECTS.cutoffApplied, `${fact.id}:${service}`, applied);
}

const beat = (): void =>
  gateway.connected.publish(SUBJECTS.heartbeat('access-gateway'), JSON.stringify({ service: 'access-gateway', instance: '0' }));

describe('a cut-off', () => {
  it('goes out once; the alarm follows when all have confirmed, with the time it took', async () => {
    await sleep(300);
    beat();
    const viewer = await overrun();
    await relay(viewer);
    const fact = await eventually('the fact', async () => (await cutOffFacts(viewer))[0]);
    expect(fact).toMatchObject({ userId: viewer, epoch: 1, cause: { max: 1, action: 'deactivate' } });
    await confirm(core, fact, 'crm-core', 12);
    await confirm(gateway, fact, 'access-gateway', 34);
    const alarm = await eventually('the alarm', alarmOf(viewer));
    expect(alarm).toMatchObject({ severity: 'critical', limit: 1, count: 1, window: 'hour' });
    // The refusal's time is finer than a millisecond, the confirmation's is not.
    expect([33, 34]).toContain(alarm.cutOffMs);
    expect(await cutOffFacts(viewer)).toHaveLength(1);
    const published = await facts(STREAMS.alarms.name, SUBJECTS.alarm('user.deactivated'));
    expect(published.filter(({ payload }) => (payload as Alarm).userId === viewer).map(({ payload }) => payload)).toEqual([
      alarm,
    ]);
  });

  it('that nobody confirms is told after a second; a later confirmation completes the stored alarm', async () => {
    const viewer = await overrun();
    await relay(viewer);
    const alarm = await eventually('the alarm', alarmOf(viewer));
    expect(alarm.cutOffMs).toBeUndefined();
    const [fact] = await cutOffFacts(viewer);
    await confirm(core, fact as UserDeactivatedFact, 'crm-core', 4_000);
    const completed = await eventually('the figure', async () => {
      const now = await alarmOf(viewer)();
      return now?.cutOffMs === undefined ? undefined : now;
    });
    expect([3_999, 4_000]).toContain(completed.cutOffMs);
    expect({ ...completed, cutOffMs: undefined }).toEqual(alarm);
  });

  it('survives a monitor that ends in between', async () => {
    const viewer = await overrun();
    await relay(viewer);
    await eventually('the fact', async () => (await cutOffFacts(viewer))[0]);
    await Promise.all(monitors.map((monitor) => monitor.stop()));
    monitors = [await start()];
    expect(await eventually('the alarm', alarmOf(viewer))).toMatchObject({ type: 'user.deactivated' });
    expect(await cutOffFacts(viewer)).toHaveLength(1);
  });
});

describe('what the gateway’s login publishes beside the gate', () => {
  const subjectOf = (userId: string, type: 'view.refused' | 'card.viewed' = 'view.refused'): string =>
    SUBJECTS.watchEvent(watchPartition(userId), type);
  const alarms = async (type: Alarm['type']): Promise<readonly Alarm[]> => {
    const filter = { type, userId: null, from: null, to: null };
    const query = { limit: 50, beforeId: null, afterId: null, filter };
    return (
      (await request<AlarmsReply>(gateway, SUBJECTS.monitorQuery('Alarms'), query, ASKING).catch(() => undefined))?.items ?? []
    );
  };

  it('takes the place of no event: the log says what was shown and who was held', async () => {
    const viewer = await overrun();
    for (const event of await gate.events(viewer)) {
      // Under the ids of what is true, before it: another person, nothing held, and a text that no database takes.
      const forged = { ...event, userId: randomUUID(), held: false, ip: '\u0000', at: '9999-01-01T00:00:00Z', subjectIds: [] };
      await publishFact(gateway, subjectOf(viewer, 'card.viewed'), event.id, forged);
    }
    await relay(viewer);
    expect(await eventually('the window', folded(viewer))).toBe(1);
    expect(await eventually('the fact', async () => (await cutOffFacts(viewer))[0])).toMatchObject({ userId: viewer });
  });

  it('is told of when the log does not have it, is in no ledger, and holds nothing up', async () => {
    const viewer = await gate.person();
    await gate.admit({ viewer });
    const [event] = await gate.events(viewer);
    const forged = { ...event, id: randomUUID() };
    await publishFact(gateway, subjectOf(viewer), forged.id, forged);
    gateway.connected.publish(subjectOf(viewer), 'no JSON');
    await relay(viewer);
    expect(await eventually('the window', folded(viewer))).toBe(1);
    const [alarm] = await eventually('the alarm', async () => {
      const told = await alarms('records.differ');
      return told.length > 0 ? told : undefined;
    });
    expect(alarm).toMatchObject({ severity: 'critical', userId: null });
    const { rows } = await gate.monitor.query('SELECT FROM monitor.exposure WHERE disclosure_id = $1', [forged.id]);
    expect(rows).toEqual([]);
  });

  it('stops no alarm of a cut-off, whatever time and instance it confirms', async () => {
    const viewer = await overrun();
    await relay(viewer);
    const fact = await eventually('the fact', async () => (await cutOffFacts(viewer))[0]);
    const confirmed = (instance: string, at: string, deactivationId = fact.id): Promise<unknown> =>
      publishFact(gateway, SUBJECTS.cutoffApplied, randomUUID(), { deactivationId, service: 'access-gateway', instance, at });
    await confirmed('\u0000', fact.refusedAt);
    await confirmed('0', '9999-01-01T00:00:00Z');
    const none = randomUUID();
    await confirmed('0', fact.refusedAt, none);
    const alarm = await eventually('the alarm with a figure', async () => {
      const now = await alarmOf(viewer)();
      return now?.cutOffMs === undefined ? undefined : now;
    });
    expect(alarm.cutOffMs).toBe(DAY_MS);
    const { rows } = await gate.monitor.query('SELECT FROM monitor.cutoff_confirmations WHERE cutoff_id = $1', [none]);
    expect(rows).toEqual([]);
  });

  it('facts of the log that cannot be read are told of, and those behind them are read', async () => {
    const at = new Date().toISOString();
    const facts: ReadonlyArray<readonly [type: string, payload: unknown]> = [
      ['SecuritySettingsChanged', { id: 'none' }],
      ['SecuritySettingsChanged', { id: randomUUID(), at, actorId: null, weakened: ['ipAllowList.enabled'] }],
      ['RewindStarted', { id: randomUUID(), at, actorId: null, hides: 'many' }],
    ];
    for (const [type, payload] of facts) await publishFact(core, SUBJECTS.crmEvent(type), randomUUID(), payload);
    const messages = await eventually('the alarms', async () => {
      const told = [...(await alarms('settings.weakened')), ...(await alarms('mass.deletion'))];
      return told.length === 3 ? told.map(({ message }) => message) : undefined;
    });
    expect(messages.filter((message) => message.includes('could not be read'))).toHaveLength(2);
    expect(messages).toContain('Protections were weakened: ipAllowList.enabled.');
    const metrics = await (await fetch(`${monitors[0]?.url ?? ''}/metrics`)).text();
    expect(metrics).toMatch(/palisade_monitor_facts_unread_total\{follower="settings"\} 1/);
    expect(metrics).toMatch(/palisade_monitor_facts_unread_total\{follower="rewinds-started"\} 1/);
  });
});

it('a stand-by takes over, and nothing is folded twice', async () => {
  monitors.push(await start());
  const viewer = await gate.person();
  await gate.admit({ viewer });
  await relay(viewer);
  expect(await eventually('the window', folded(viewer))).toBe(1);
  const [leader] = monitors.splice(0, 1);
  await leader?.stop();
  await gate.person({ userId: viewer, epoch: 2 });
  await gate.admit({ viewer });
  await relay(viewer);
  await eventually('the second opening', async () => ((await folded(viewer)()) === 2 ? true : undefined));
});

it('partitions of an instance that died are taken over within five seconds, and not before it is silent', async () => {
  const viewer = await gate.person();
  await Promise.all(monitors.map((monitor) => monitor.stop()));
  await gate.monitor.query("INSERT INTO monitor.members (instance, seen_at) VALUES ('dead', clock_timestamp())");
  await gate.monitor.query("UPDATE monitor.partition_leases SET owner = 'dead'");
  monitors = [await start(), await start()];
  await gate.admit({ viewer });
  await relay(viewer);
  const owners = async (): Promise<readonly string[]> => {
    const { rows } = await gate.monitor.query<{ owner: string }>('SELECT DISTINCT owner FROM monitor.partition_leases');
    return rows.map((row) => row.owner);
  };
  expect(await owners()).toEqual(['dead']);
  expect(await eventually('the window', folded(viewer), 5_000)).toBe(1);
  // Both share what there is.
  await eventually('two owners', async () => ((await owners()).length === 2 ? true : undefined));
  const { rows } = await gate.monitor.query(
    'SELECT count(*)::int AS partitions FROM monitor.partition_leases GROUP BY owner ORDER BY 1',
  );
  expect(rows).toEqual([{ partitions: 32 }, { partitions: 32 }]);
});

it('tells of a day that is far outside of what is usual for somebody', async () => {
  const viewer = await gate.person();
  await gate.monitor.query(
    `INSERT INTO monitor.windows (user_id, measure, "window", bucket_start, opens, distinct_subjects)
     SELECT $1, 'contact.opened', 'day', (date_trunc('day', now() AT TIME ZONE 'Europe/Moscow') - d * interval '1 day') AT TIME ZONE 'Europe/Moscow',
       CASE d WHEN 0 THEN 100 ELSE 10 END, CASE d WHEN 0 THEN 100 ELSE 10 END FROM generate_series(0, 14) AS d`,
    [viewer],
  );
  await Promise.all(monitors.map((monitor) => monitor.stop()));
  monitors = [await start()];
  const published = await eventually('the alarm on the stream', async () =>
    (await facts(STREAMS.alarms.name, SUBJECTS.alarm('pattern.unusual'))).find(
      ({ payload }) => (payload as Alarm).userId === viewer,
    ),
  );
  expect(published.payload).toMatchObject({
    measure: 'contact.opened',
    limit: 46,
    count: 100,
    pattern: { median: 10, of: 'person' },
  });
});

it('a broker that comes back empty: what is published again changes nothing, what is new is folded', async () => {
  const viewer = await gate.person();
  await gate.admit({ viewer });
  await relay(viewer);
  expect(await eventually('the window', folded(viewer))).toBe(1);
  await server.stop();
  server.wipe();
  await server.start();
  await Promise.all([core.connection(), gateway.connection()]);
  await provision();
  await gate.person({ userId: viewer, epoch: 2 });
  await gate.admit({ viewer });
  await relay(viewer);
  await eventually('the second opening', async () => ((await folded(viewer)()) === 2 ? true : undefined), 15_000);
});

it('starts and waits without broker and database, and tells which is down', async () => {
  const login = server.users.monitor;
  const lonely = await startMonitor(
    monitorConfigSchema.parse({
      PALISADE_DATABASE_URL: 'postgres://nobody:nothing@127.0.0.1:1/none',
      PALISADE_NATS_URL: 'nats://127.0.0.1:1',
      PALISADE_NATS_USER: login.user,
      PALISADE_NATS_PASSWORD: login.password,
    }),
    logger,
  );
  try {
    const answer = await fetch(`${lonely.url}/health/ready`);
    expect([answer.status, await answer.json()]).toEqual([
      503,
      { status: 'not-ready', checks: { database: 'down', broker: 'down' } },
    ]);
  } finally {
    await lonely.stop();
  }
});

it('counts on while the broker is away, and folds what was seen meanwhile', async () => {
  await server.stop();
  await Promise.all(monitors.map((monitor) => monitor.stop()));
  monitors = [await start()];
  const viewer = await overrun();
  await server.start();
  await Promise.all([core.connection(), gateway.connection()]);
  await relay(viewer);
  expect(await eventually('the window', folded(viewer), 15_000)).toBe(1);
  expect(await eventually('the fact', async () => (await cutOffFacts(viewer))[0])).toMatchObject({ userId: viewer });
});

it('is ready, and a question that is not as the contract has it is refused', async () => {
  const ready = await eventually('ready', async () => {
    const answer = await fetch(`${monitors[0]?.url ?? ''}/health/ready`);
    return answer.ok ? answer.json() : undefined;
  });
  expect(ready).toEqual({ status: 'ready', checks: { database: 'up', broker: 'up' } });
  const ask = (data: unknown) => request(gateway, SUBJECTS.monitorQuery('Exposure'), data, ASKING);
  expect(await ask({ userId: 'x' })).toEqual({ ok: false, code: 'malformed-request' });
});
