import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { testDatabase, type TestDatabase } from '#testing';
import {
  ANY_VERSION,
  CommandRepeated,
  EventStore,
  LOG_START,
  NO_STREAM,
  Subscription,
  VersionConflict,
  exactly,
  type AppendRequest,
  type CommandRecord,
  type ExpectedVersion,
  type NewEvent,
  type Statement,
  type StoredEvent,
} from './index.js';

let database: TestDatabase;
let pool: pg.Pool;
let store: EventStore;

const metadata = (): NewEvent['metadata'] => ({
  actorId: null,
  sessionId: null,
  tokenId: null,
  ip: null,
  commandId: randomUUID(),
  correlationId: randomUUID(),
  causationId: null,
  at: '2026-01-01T00:00:00.000Z',
});
const event = (n: number): NewEvent => ({
  id: randomUUID(),
  type: 'Counted',
  schemaVersion: 1,
  data: { n },
  metadata: metadata(),
});

/**
 * Writers with a session and a stream each, who wait at random before their transaction, between append and commit, and after it;
 * now and then one takes its append back. `writtenIds` is complete when `done` is.
 */
async function dawdlingWriters(count: number, each: number): Promise<{ done: Promise<unknown>; writtenIds: Set<string> }> {
  const writtenIds = new Set<string>();
  const sessions = await Promise.all(
    Array.from({ length: count }, async () => {
      const session = new pg.Client({ connectionString: database.coreUrl });
      await session.connect();
      return session;
    }),
  );
  const dawdle = (): Promise<void> => sleep(Math.random() ** 3 * 40);
  const write = async (session: pg.Client): Promise<void> => {
    const stream = `counter-${randomUUID()}`;
    for (let version = 0; version < each;) {
      await dawdle();
      const made = event(version);
      await session.query('BEGIN');
      const events = JSON.stringify([{ ...made, s: 1, k: 1, v: 1 }]);
      await session.query('SELECT es.append($1, $2, $3, $4, NULL)', [[], [stream], [version], events]);
      await dawdle();
      const isKept = Math.random() < 0.9;
      await session.query(isKept ? 'COMMIT' : 'ROLLBACK');
      if (!isKept) continue;
      version += 1;
      writtenIds.add(made.id);
    }
  };
  const done = Promise.all(sessions.map((session) => write(session).finally(() => session.end())));
  return { done, writtenIds };
}

/** Waits for whoever writes now, other databases of the cluster too: they hold a reader in commit order back. */
async function othersEnded(): Promise<void> {
  const { rows } = await pool.query<{ next: string }>('SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next');
  const ended = async (): Promise<boolean> => {
    const text = 'SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::text::xid8 AS ended';
    return (await pool.query<{ ended: boolean }>(text, [rows[0]?.next])).rows[0]?.ended === true;
  };
  for (const end = Date.now() + 30_000; !(await ended());) {
    if (Date.now() > end) throw new Error('somebody has a transaction open for 30 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Reads until a batch comes that is not full, and once more: nothing is open that could hold anything back. */
async function drain(subscription: Subscription): Promise<void> {
  await othersEnded();
  while (await subscription.step());
  await subscription.step();
}

beforeAll(async () => {
  database = await testDatabase();
  pool = new pg.Pool({ connectionString: database.coreUrl, max: 40, pipeline: true });
  pool.on('error', () => undefined);
  store = new EventStore(pool);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

describe('append', () => {
  it('writes events and statements together, and reads them back in order', async () => {
    const stream = `counter-${randomUUID()}`;
    await store.append({ streams: [{ stream, expected: NO_STREAM, events: [event(1), event(2)] }] });
    await store.append({ streams: [{ stream, expected: exactly(2), events: [event(3)] }] });
    const events = await store.readStream(stream);
    expect(events.map(({ version, data }) => [version, data])).toEqual([
      [1, { n: 1 }],
      [2, { n: 2 }],
      [3, { n: 3 }],
    ]);
  });

  it('refuses another version and leaves nothing, not even the statements', async () => {
    const stream = `counter-${randomUUID()}`;
    const name = `t-${randomUUID()}`;
    const statement = { text: `INSERT INTO es.checkpoints (name, tx_id, seq) VALUES ($1, '1', 1)`, values: [name] };
    await expect(
      store.append({ streams: [{ stream, expected: exactly(4), events: [event(1)] }], statements: [statement] }),
    ).rejects.toBeInstanceOf(VersionConflict);
    expect(await store.readStream(stream)).toEqual([]);
    expect((await pool.query('SELECT 1 FROM es.checkpoints WHERE name = $1', [name])).rowCount).toBe(0);
  });

  it('rolls the events back when a statement fails', async () => {
    const stream = `counter-${randomUUID()}`;
    const failing = { text: 'SELECT 1 / $1::int', values: [0] };
    const append = store.append({ streams: [{ stream, expected: NO_STREAM, events: [event(1)] }], statements: [failing] });
    await expect(append).rejects.toMatchObject({ code: '22012' });
    expect(await store.readStream(stream)).toEqual([]);
  });

  it('carries a command out once', async () => {
    const stream = `counter-${randomUUID()}`;
    const command = { id: randomUUID(), mac: 'ab', outcome: { ok: true } };
    const attempts = await Promise.allSettled(
      [1, 2, 3, 4].map((n) => store.append({ streams: [{ stream, expected: ANY_VERSION, events: [event(n)] }], command })),
    );
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const attempt of attempts) if (attempt.status === 'rejected') expect(attempt.reason).toBeInstanceOf(CommandRepeated);
    expect(await store.readStream(stream)).toHaveLength(1);
    expect(await store.findCommand(command.id)).toEqual(command);
  });

  it('gives 40 parallel appends with retries 40 versions without a gap', async () => {
    const stream = `counter-${randomUUID()}`;
    const appendOnce = async (n: number): Promise<void> => {
      for (;;) {
        const version = (await store.readStream(stream)).length;
        const done = await store.append({ streams: [{ stream, expected: exactly(version), events: [event(n)] }] }).then(
          () => true,
          (error: unknown) => {
            if (!(error instanceof VersionConflict)) throw error;
            return false;
          },
        );
        if (done) return;
      }
    };
    await Promise.all(Array.from({ length: 40 }, (_, n) => appendOnce(n)));
    const events = await store.readStream(stream);
    expect(events.map(({ version }) => version)).toEqual(Array.from({ length: 40 }, (_, n) => n + 1));
    expect(new Set(events.map(({ data }) => (data as { n: number }).n)).size).toBe(40);
  });
});

describe('appends that go together', () => {
  const one = (stream: string, expected: ExpectedVersion = NO_STREAM, made = event(1)) => ({
    streams: [{ stream, expected, events: [made] }],
  });
  const outcome = (append: Promise<void>): Promise<unknown> =>
    append.then(
      () => 'appended',
      (error: unknown) => (error instanceof VersionConflict ? 'conflict' : (error as { code?: unknown }).code),
    );
  const streams = (count: number): string[] => Array.from({ length: count }, () => `counter-${randomUUID()}`);

  it('share transactions, and each has its own answer', async () => {
    const names = streams(24);
    const [taken = '', bad = '', twice = '', ...good] = names;
    await store.append(one(taken));
    const known = event(1);
    await store.append(one(`counter-${randomUUID()}`, NO_STREAM, known));
    const answers = await Promise.all([
      outcome(store.append(one(taken))),
      // PostgreSQL's jsonb takes no NUL: the statement fails for all that are in it.
      outcome(store.append(one(bad, NO_STREAM, { ...event(1), data: { text: '\u0000' } }))),
      outcome(store.append(one(bad, NO_STREAM, { ...event(1), id: known.id }))),
      outcome(store.append(one(twice, ANY_VERSION))),
      outcome(store.append(one(twice, ANY_VERSION))),
      outcome(store.append(one(taken, ANY_VERSION))),
      ...good.map((stream) => outcome(store.append(one(stream)))),
    ]);
    expect(answers).toEqual(['conflict', '22P05', '23505', ...Array.from({ length: 3 + good.length }, () => 'appended')]);
    expect((await store.readStream(taken)).map(({ version }) => version)).toEqual([1, 2]);
    expect(await store.readStream(bad)).toEqual([]);
    expect((await store.readStream(twice)).map(({ version }) => version)).toEqual([1, 2]);
    // A second time without the bad one: now they do share.
    const more = good.map((stream) => store.append(one(stream, exactly(1))));
    await Promise.all(more);
    const stored = await Promise.all(good.map((stream) => store.readStream(stream)));
    expect(stored.map((events) => events.map(({ version }) => version))).toEqual(good.map(() => [1, 2]));
    expect(new Set(stored.map(([, last]) => last?.txId)).size).toBeLessThan(good.length);
  });

  it('do not wait for the stream of one of them', async () => {
    const [held = '', ...free] = streams(12);
    const holder = new pg.Client({ connectionString: database.coreUrl });
    await holder.connect();
    try {
      await holder.query('BEGIN');
      await holder.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [held]);
      let isHeld = true;
      const waiting = store.append(one(held)).then(() => isHeld);
      // More than batches go at once: a batch that waited would keep a place.
      const others = [1, 2, 3].map((version) => store.append(one(held, exactly(version))).catch(() => undefined));
      for (const expected of [0, 1, 2]) await Promise.all(free.map((stream) => store.append(one(stream, exactly(expected)))));
      isHeld = false;
      await holder.query('COMMIT');
      expect(await waiting).toBe(false);
      await Promise.all(others);
    } finally {
      await holder.end();
    }
  });

  it('refuse a transaction that has written already', async () => {
    const client = new pg.Client({ connectionString: database.coreUrl });
    await client.connect();
    try {
      await client.query('BEGIN');
      await client.query('SELECT pg_current_xact_id()');
      const append = client.query('SELECT es.append_each($1, $2, $3, $4, $5, $6, $7)', [[], [], [], [], [], [], []]);
      await expect(append).rejects.toMatchObject({ code: 'PA003' });
    } finally {
      await client.end();
    }
  });
});

describe('appends of commands that go together', () => {
  beforeAll(async () => {
    await pool.query('CREATE TABLE IF NOT EXISTS read.shared_rows (name text PRIMARY KEY, n integer NOT NULL)');
  });

  const row = (name: string, n: number): Statement => ({
    text: 'INSERT INTO read.shared_rows (name, n) VALUES ($1, $2)',
    values: [name, n],
    shared: {
      name: 'shared-rows',
      text: 'INSERT INTO read.shared_rows (name, n) SELECT r.name, r.n FROM unnest($1::text[], $2::integer[]) AS r(name, n)',
      rows: [[name, n]],
    },
  });
  const command = (): CommandRecord => ({ id: randomUUID(), mac: 'ab'.repeat(32), outcome: { ok: true } });
  const of = (stream: string, more: Partial<AppendRequest> = {}, expected: ExpectedVersion = NO_STREAM): AppendRequest => ({
    ...{ streams: [{ stream, expected, events: [event(1), event(2)] }], command: command(), mayShare: true },
    ...{ statements: [row(stream, 1)], ...more },
  });
  const names = (count: number): string[] => Array.from({ length: count }, () => `counter-${randomUUID()}`);
  const answers = (requests: readonly AppendRequest[]): Promise<unknown[]> =>
    Promise.all(
      requests.map((request) =>
        store.append(request).then(
          () => 'appended',
          (error: unknown) => (error as { code?: unknown }).code,
        ),
      ),
    );
  /** Of each stream: how many events, rows and transactions. */
  const kept = async (streams: readonly string[]) => {
    const rows = await pool.query<{ name: string }>('SELECT name FROM read.shared_rows WHERE name = ANY($1)', [streams]);
    const stored = await Promise.all(streams.map((stream) => store.readStream(stream)));
    return {
      versions: stored.map((events) => events.map(({ version }) => version)),
      rows: new Set(rows.rows.map(({ name }) => name)),
      transactions: new Set(stored.map(([first]) => first?.txId)).size,
    };
  };

  it('share transactions with their rows and commands', async () => {
    const streams = names(20);
    const requests = streams.map((stream) => of(stream));
    expect(await answers(requests)).toEqual(streams.map(() => 'appended'));
    const { versions, rows, transactions } = await kept(streams);
    expect(versions).toEqual(streams.map(() => [1, 2]));
    expect(rows).toEqual(new Set(streams));
    expect(transactions).toBeLessThan(4);
    const commands = await Promise.all(requests.map(async (request) => store.findCommand(request.command?.id ?? '')));
    expect(commands).toEqual(requests.map((request) => request.command));
    // And go on from there, in the order in which they were asked for.
    expect(await answers(streams.map((stream) => of(stream, { statements: [] }, exactly(2))))).toEqual(
      streams.map(() => 'appended'),
    );
    expect((await kept(streams)).versions).toEqual(streams.map(() => [1, 2, 3, 4]));
  });

  it('each have their own answer where one is bad, in whatever way', async () => {
    const good = names(9);
    const [conflicting = '', failing = '', known = '', unwritable = '', twice = ''] = names(5);
    const first = of(known);
    await store.append(first);
    const bad = [
      of(conflicting, {}, exactly(7)),
      of(failing, { statements: [row(failing, 1), { text: 'SELECT 1 / $1::int', values: [0] }] }),
      of(`counter-${randomUUID()}`, first.command === undefined ? {} : { command: first.command }),
      of(unwritable, { streams: [{ stream: unwritable, expected: NO_STREAM, events: [{ ...event(1), data: '\u0000' }] }] }),
      of(twice),
      of(twice, { statements: [] }),
    ];
    const [atVersion, byStatement, byCommand, byText, one, other, ...rest] = await answers([
      ...bad,
      ...good.map((stream) => of(stream)),
    ]);
    expect([atVersion, byStatement, byCommand, byText]).toEqual([
      'version-conflict',
      '22012',
      'idempotency-in-progress',
      '22P05',
    ]);
    // Whichever came first, once its batch was taken apart.
    expect([one, other].sort()).toEqual(['appended', 'version-conflict']);
    expect(rest).toEqual(good.map(() => 'appended'));
    const { versions, rows } = await kept([conflicting, failing, known, unwritable, twice, ...good]);
    expect(versions).toEqual([[], [], [1, 2], [], [1, 2], ...good.map(() => [1, 2])]);
    expect([...rows].filter((name) => name !== twice).sort()).toEqual([known, ...good].sort());
    const refused = await Promise.all(bad.slice(0, 2).map(({ command: made }) => store.findCommand(made?.id ?? '')));
    expect(refused).toEqual([undefined, undefined]);
  });

  it('carry a command out once, however often it comes', async () => {
    const [stream = '', ...others] = names(4);
    const again = { command: command() };
    const [first, ...repeats] = await answers([
      of(stream, again),
      ...others.map((other) => of(other, again)),
      ...names(3).map((other) => of(other)),
    ]);
    expect([first, ...repeats.slice(0, 3)].sort()).toEqual(['appended', ...others.map(() => 'idempotency-in-progress')]);
    expect((await kept([stream, ...others])).versions.flat()).toEqual([1, 2]);
  });

  it('do not wait for a stream that somebody else has', async () => {
    const [held = '', ...free] = names(8);
    const holder = new pg.Client({ connectionString: database.coreUrl });
    await holder.connect();
    try {
      await holder.query('BEGIN');
      await holder.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [held]);
      let isHeld = true;
      const waiting = store.append(of(held)).then(() => isHeld);
      expect(await answers(free.map((stream) => of(stream)))).toEqual(free.map(() => 'appended'));
      expect(await answers(free.map((stream) => of(stream, { statements: [] }, exactly(2))))).toEqual(free.map(() => 'appended'));
      isHeld = false;
      await holder.query('COMMIT');
      expect(await waiting).toBe(false);
    } finally {
      await holder.end();
    }
  });

  it('are all told when the connection breaks, and nothing of them is there', async () => {
    const own = new pg.Pool({ connectionString: database.coreUrl, max: 4, pipeline: true, application_name: 'breaking' });
    own.on('error', () => undefined);
    own.on('connect', (client) => client.on('error', () => undefined));
    try {
      const streams = names(6);
      const breaking = new EventStore(own);
      const stop = { text: 'SELECT pg_terminate_backend(pg_backend_pid())', values: [] };
      const asked = streams.map((stream, index) => of(stream, index === 3 ? { statements: [row(stream, 1), stop] } : {}));
      const outcomes = await Promise.allSettled(asked.map((request) => breaking.append(request)));
      expect(outcomes.map(({ status }) => status)).toEqual(streams.map(() => 'rejected'));
      expect((await kept(streams)).versions.flat()).toEqual([]);
      expect((await kept(streams)).rows.size).toBe(0);
    } finally {
      await own.end();
    }
  });

  it('refuse a transaction that has written already', async () => {
    const client = new pg.Client({ connectionString: database.coreUrl });
    await client.connect();
    try {
      await client.query('BEGIN');
      await client.query('SELECT pg_current_xact_id()');
      const nothing = Array.from({ length: 12 }, () => []);
      const append = client.query('SELECT es.append_together($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)', nothing);
      await expect(append).rejects.toMatchObject({ code: 'PA003' });
    } finally {
      await client.end();
    }
  });
});

describe('reading in commit order', () => {
  it('does not pass a transaction that commits late', async () => {
    const [late, early] = [`counter-${randomUUID()}`, `counter-${randomUUID()}`];
    const seen: StoredEvent[] = [];
    const subscription = new Subscription({
      name: `s-${randomUUID()}`,
      store,
      pool,
      handle: (events) => {
        seen.push(...events);
        return Promise.resolve(events.length);
      },
    });
    await drain(subscription);
    const slow = new pg.Client({ connectionString: database.coreUrl });
    await slow.connect();
    try {
      await slow.query('BEGIN');
      await slow.query('SELECT es.append($1, $2, $3, $4, NULL)', [
        [],
        [late],
        [0],
        JSON.stringify([{ ...event(1), s: 1, k: 1, v: 1 }]),
      ]);
      await store.append({ streams: [{ stream: early, expected: NO_STREAM, events: [event(2)] }] });
      await subscription.step();
      expect(seen.filter(({ stream }) => stream === early || stream === late)).toEqual([]);
      await slow.query('COMMIT');
    } finally {
      await slow.end();
    }
    await drain(subscription);
    expect(seen.map(({ stream }) => stream).filter((stream) => stream === early || stream === late)).toEqual([late, early]);
  });

  it('refuses to append in a transaction that has written already', async () => {
    const client = new pg.Client({ connectionString: database.coreUrl });
    await client.connect();
    try {
      await client.query('BEGIN');
      await client.query('SELECT pg_current_xact_id()');
      const append = client.query('SELECT es.append($1, $2, $3, $4, NULL)', [[], ['counter-x'], [0], '[]']);
      await expect(append).rejects.toMatchObject({ code: 'PA003' });
    } finally {
      await client.end();
    }
  });

  it('hands every event of 32 writers on, each stream in its order, and starts from its checkpoint again', async () => {
    const name = `s-${randomUUID()}`;
    const seen: StoredEvent[] = [];
    const make = (): Subscription =>
      new Subscription({
        name,
        store,
        pool,
        batchSize: 17,
        handle: (events) => {
          seen.push(...events);
          return Promise.resolve(events.length);
        },
      });
    await drain(make());
    seen.length = 0;
    const streams = Array.from({ length: 32 }, () => `counter-${randomUUID()}`);
    const write = async (stream: string): Promise<void> => {
      for (let n = 0; n < 10; n += 1) await store.append({ streams: [{ stream, expected: exactly(n), events: [event(n)] }] });
    };
    let written = false;
    const writing = Promise.all(streams.map(write)).finally(() => (written = true));
    const reader = make();
    while (!written) if (!(await reader.step())) await new Promise((resolve) => setTimeout(resolve, 5));
    await writing;
    await drain(reader);
    expect(seen).toHaveLength(320);
    const all = seen.length;
    await drain(make());
    expect(seen).toHaveLength(all);
    for (const stream of streams) {
      expect(seen.filter((each) => each.stream === stream).map(({ version }) => version)).toEqual([
        1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
      ]);
    }
  });

  it('passes no late commit of 32 writers who dawdle in and around their transactions, where a reader by number does', async () => {
    const name = `s-${randomUUID()}`;
    const seen: StoredEvent[] = [];
    const handle = (events: readonly StoredEvent[]): Promise<number> => {
      seen.push(...events);
      // Now and then the reader is cut short, too.
      return Promise.resolve(Math.random() < 0.2 ? events.length - 1 : events.length);
    };
    // Batches that hold whatever is there: a reader that lags behind meets no late commit.
    const make = (): Subscription => new Subscription({ name, store, pool, batchSize: 500, handle });
    await drain(new Subscription({ name, store, pool, handle: (events) => Promise.resolve(events.length) }));
    const naive = { last: Number((await pool.query<{ last: number }>('SELECT max(seq) AS last FROM es.events')).rows[0]?.last) };
    const naivelySeen = new Set<string>();
    /** What a reader would do that takes the numbers of events for the order of their commits. */
    const readNaively = async (): Promise<void> => {
      const rows = await pool.query<{ seq: number; id: string }>('SELECT seq, id FROM es.events WHERE seq > $1 ORDER BY seq', [
        naive.last,
      ]);
      for (const { seq, id } of rows.rows) {
        naive.last = Number(seq);
        naivelySeen.add(id);
      }
    };

    let written = false;
    const { done, writtenIds } = await dawdlingWriters(32, 12);
    const writing = done.finally(() => (written = true));
    const reader = make();
    while (!written) {
      await Promise.all([reader.step(), readNaively()]);
    }
    await writing;
    await drain(make());
    await drain(make());
    await readNaively();

    const order = [...new Map(seen.map((each) => [each.id, each])).values()];
    expect(order).toHaveLength(32 * 12);
    expect(new Set(order.map(({ id }) => id))).toEqual(writtenIds);
    // In the order in which it was first seen: by transaction, and each stream by version.
    const before = (a: StoredEvent, b: StoredEvent): boolean =>
      BigInt(a.txId) === BigInt(b.txId) ? a.seq < b.seq : BigInt(a.txId) < BigInt(b.txId);
    expect(order.filter((each, index) => index > 0 && !before(order[index - 1] as StoredEvent, each))).toEqual([]);
    const versions = Map.groupBy(order, ({ stream }) => stream);
    for (const events of versions.values()) expect(events.map(({ version }) => version)).toEqual(events.map((_, n) => n + 1));
    // If this one had missed nothing, the delays would have been none.
    expect([...writtenIds].filter((id) => !naivelySeen.has(id)).length).toBeGreaterThan(0);
  }, 120_000);

  it('starts at the beginning when it has no checkpoint, and anew for another incarnation', async () => {
    const first = await store.readCommitted(LOG_START, 1);
    const firsts: string[] = [];
    const make = (incarnation: string): Subscription =>
      new Subscription({
        name: 'incarnations',
        store,
        pool,
        batchSize: 1,
        incarnation: () => Promise.resolve(incarnation),
        handle: (events) => {
          firsts.push(events[0]?.id ?? '');
          return Promise.resolve(1);
        },
      });
    await make('a').step();
    await make('a').step();
    await make('b').step();
    expect([firsts[0], firsts[2]]).toEqual([first[0]?.id, first[0]?.id]);
    expect(firsts[1]).not.toBe(firsts[0]);
  });
});
