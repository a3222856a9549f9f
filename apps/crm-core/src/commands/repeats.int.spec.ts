import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { Secret, uuidFromDigest } from '#kernel';
import { testDatabase, type TestDatabase } from '#testing';
import { forgetOldCommands } from './command-expiry.js';
import { CoreParts, outcomeOf, sharedKeys } from './core-parts.fixture.js';
import { RunningCommands } from './running-commands.js';

/** An id as the gateway makes it of person, route and Idempotency-Key. */
const keyed = (): string => uuidFromDigest(randomBytes(16));

let database: TestDatabase;
let core: CoreParts;
let other: CoreParts;

beforeAll(async () => {
  database = await testDatabase();
  const keys = await sharedKeys();
  core = await new CoreParts(database.coreUrl, keys, '0').begin();
  other = new CoreParts(database.coreUrl, keys, '1');
  other.administratorId = core.administratorId;
});
afterAll(async () => {
  await Promise.all([core.end(), other.end()]);
  await database.drop();
});

const contact = (): Promise<{ id: string }> => core.send('CreateContact', { name: 'Contact' });
const versionsOf = async (stream: string): Promise<number[]> =>
  (await core.rows<{ version: number }>('SELECT version FROM es.events WHERE stream = $1 ORDER BY version', [stream])).map(
    ({ version }) => version,
  );
const disclosuresOf = async (id: string, kind: string): Promise<number> => {
  const text = 'SELECT count(*)::int AS count FROM watch.disclosures WHERE kind = $1 AND $2 = ANY(subject_ids)';
  const superuser = new pg.Client({ connectionString: database.superuserUrl });
  await superuser.connect();
  const { rows } = await superuser.query<{ count: number }>(text, [kind, id]);
  await superuser.end();
  return rows[0]?.count ?? 0;
};

/** Keeps every append to a stream waiting while the work is done: a core that takes its time. */
async function whileStreamIsHeld<T>(stream: string, work: () => Promise<T>): Promise<T> {
  const holder = new pg.Client({ connectionString: database.coreUrl });
  await holder.connect();
  try {
    await holder.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [stream]);
    return await work();
  } finally {
    await holder.end();
  }
}
const appendsWaiting = async (): Promise<void> => {
  for (const end = Date.now() + 5_000; Date.now() < end; await sleep(10)) {
    const waiting = await other.rows(
      `SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()`,
    );
    if (waiting.length > 0) return;
  }
  throw new Error('no append waits');
};

describe('the same command again', () => {
  it('gives the first outcome, on every core, and refuses another body', async () => {
    const commandId = keyed();
    const first = await core.send('CreateContact', { name: 'One' }, { commandId });
    expect(await core.send('CreateContact', { name: 'One' }, { commandId })).toEqual(first);
    expect(await other.send('CreateContact', { name: 'One' }, { commandId })).toEqual(first);
    expect(await outcomeOf(other.send('CreateContact', { name: 'Two' }, { commandId }))).toBe('idempotency-key-reused');
    expect(await versionsOf(`contact-${first.id}`)).toEqual([1]);
  });

  it('is told that the first still runs, on both cores, and changes nothing', async () => {
    const { id } = await contact();
    const asked = { targetId: id, commandId: keyed() };
    const { first, repeats } = await whileStreamIsHeld(`contact-${id}`, async () => {
      const running = core.send('DeleteContact', {}, asked);
      await appendsWaiting();
      const refused = [core.send('DeleteContact', {}, asked), other.send('DeleteContact', {}, asked)].map(outcomeOf);
      return { first: running, repeats: await Promise.all(refused) };
    });
    expect(repeats).toEqual(['idempotency-in-progress', 'idempotency-in-progress']);
    const done = await first;
    expect(await other.send('DeleteContact', {}, asked)).toEqual(done);
    expect(await versionsOf(`contact-${id}`)).toEqual([1, 2]);
    expect(await disclosuresOf(id, 'deletion')).toBe(1);
  });

  it('takes many at once for one', async () => {
    const commandId = keyed();
    const send = (n: number): Promise<string> =>
      (n % 2 === 0 ? core : other).send('CreateDeal', { title: 'Deal' }, { commandId }).then(
        ({ id }) => id,
        (error: unknown) => String((error as { code?: unknown }).code),
      );
    const answers = await Promise.all(Array.from({ length: 24 }, (_, n) => send(n)));
    const id = await send(0);
    expect(await versionsOf(`deal-${id}`)).toEqual([1]);
    expect(answers.filter((answer) => answer !== 'idempotency-in-progress').every((answer) => answer === id)).toBe(true);
    expect(answers).toContain(id);
  });

  it('goes on where a first died between the gate and the append: one record, one disclosure', async () => {
    const { id } = await contact();
    const asked = { targetId: id, commandId: keyed() };
    const dead = new CoreParts(database.coreUrl, await sharedKeys(), '2');
    // The first attempt: it held the command and passed the gate, and then was no more.
    await dead.running.hold(asked.commandId);
    const caller = { userId: core.administratorId, sessionId: null, tokenId: null, ip: '192.0.2.1' };
    const at = new Date().toISOString();
    await dead.gate.admit({ caller, commandId: asked.commandId, at } as never, 'record.deleted', 'deletion', 'contact', [id]);
    expect(await outcomeOf(core.send('DeleteContact', {}, asked))).toBe('idempotency-in-progress');
    await dead.end();
    expect((await core.send('DeleteContact', {}, asked)).version).toBe(2);
    expect(await disclosuresOf(id, 'deletion')).toBe(1);
  });

  it('finds nothing to do where the first had nothing to do', async () => {
    const somebody = (await core.send('CreateUser', { email: `${randomUUID()}@example.org`, name: 'P' })).id;
    const { id } = await core.send('CreateDeal', { title: 'Deal' });
    const [asked, body] = [{ targetId: id, commandId: keyed() }, { responsibleId: core.administratorId }];
    const first = await core.send('AssignDeal', body, asked);
    expect(await versionsOf(`deal-${id}`)).toEqual([1]);
    await core.send('AssignDeal', { responsibleId: null }, { targetId: id });
    expect(await core.send('AssignDeal', body, asked)).toEqual(first);
    expect(await versionsOf(`deal-${id}`)).toEqual([1, 2]);
    expect(await outcomeOf(core.send('AssignDeal', { responsibleId: somebody }, asked))).toBe('idempotency-key-reused');
  });
});

describe('a running command', () => {
  it('blocks nobody once its core is cut off from the database', async () => {
    const [mine, his] = ['8', '9'].map((instance) => new RunningCommands(new Secret(database.coreUrl), instance));
    const id = keyed();
    try {
      expect(await mine?.hold(id)).toBeDefined();
      expect(await his?.hold(id)).toBeUndefined();
      await core.rows(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'crm-core-8-running'`);
      for (const end = Date.now() + 5_000; Date.now() < end && (await his?.hold(id)) === undefined;);
      // He has it; the first core still knows its own, and works on with a new connection.
      expect(await his?.hold(id)).toBeUndefined();
      expect(await mine?.hold(id)).toBeUndefined();
      expect(await mine?.hold(keyed())).toBeDefined();
    } finally {
      await Promise.all([mine?.onModuleDestroy(), his?.onModuleDestroy()]);
    }
  });
});

describe('commands that meet on one deal', () => {
  it('are all done: 100 changes, 100 events, no gap, the last state one of them', async () => {
    const { id } = await core.send('CreateDeal', { title: 'Deal' });
    const titles = Array.from({ length: 100 }, (_, n) => `Title ${String.fromCharCode(97 + (n % 26))}${n}`);
    const change = async (title: string, n: number): Promise<void> => {
      for (;;) {
        const done = await outcomeOf((n % 2 === 0 ? core : other).send('ChangeDeal', { title }, { targetId: id }));
        if (done === 'ok') return;
        expect(done).toBe('dependency-unavailable');
      }
    };
    await Promise.all(titles.map(change));
    expect(await versionsOf(`deal-${id}`)).toEqual(Array.from({ length: 101 }, (_, n) => n + 1));
    const commands = await core.rows(`SELECT DISTINCT metadata->>'commandId' FROM es.events WHERE stream = $1`, [`deal-${id}`]);
    expect(commands).toHaveLength(101);
  });

  it('with one version named: one is done, the others are told', async () => {
    const { id } = await core.send('CreateDeal', { title: 'Deal' });
    const all = Array.from({ length: 8 }, (_, n) =>
      outcomeOf(core.send('ChangeDeal', { title: `Title ${'abcdefgh'[n]}` }, { targetId: id, expectedVersion: 1 })),
    );
    expect((await Promise.all(all)).sort()).toEqual(['ok', ...Array.from({ length: 7 }, () => 'version-conflict')].sort());
  });

  it('pay the gate once each, however often they run', async () => {
    const { id } = await core.send('CreateDeal', { title: 'Deal' });
    const people = await Promise.all(
      Array.from(
        { length: 12 },
        async () => (await core.send('CreateUser', { email: `${randomUUID()}@example.org`, name: 'P' })).id,
      ),
    );
    await activate(people);
    const all = people.map((responsibleId, n) =>
      outcomeOf((n % 2 === 0 ? core : other).send('AssignDeal', { responsibleId }, { targetId: id })),
    );
    expect(new Set(await Promise.all(all))).toEqual(new Set(['ok']));
    expect(await versionsOf(`deal-${id}`)).toHaveLength(13);
    expect(await disclosuresOf(id, 'reassignment')).toBe(12);
  });
});

/** Invited people become active with their password, which is the gateway's affair. */
async function activate(ids: readonly string[]): Promise<void> {
  await core.rows(`UPDATE read.principals SET status = 'active' WHERE user_id = ANY($1::uuid[])`, [ids]);
}

describe('the records of commands', () => {
  it('go after seven days, in batches, and then their keys are free', async () => {
    const commandId = keyed();
    const first = await core.send('CreateContact', { name: 'Old' }, { commandId });
    await core.rows(
      `INSERT INTO es.commands (id, body_mac, outcome, at)
       SELECT gen_random_uuid(), '\\x00', '{}', clock_timestamp() - interval '8 days' FROM generate_series(1, 2500)`,
    );
    await core.rows(`UPDATE es.commands SET at = clock_timestamp() - interval '167 hours' WHERE id = $1`, [commandId]);
    expect(await forgetOldCommands(core.store, new AbortController().signal)).toBe(2_500);
    expect(await core.send('CreateContact', { name: 'Old' }, { commandId })).toEqual(first);
    await core.rows(`UPDATE es.commands SET at = clock_timestamp() - interval '169 hours' WHERE id = $1`, [commandId]);
    expect(await forgetOldCommands(core.store, new AbortController().signal)).toBe(1);
    expect((await core.send('CreateContact', { name: 'New' }, { commandId })).id).not.toBe(first.id);
  });

  it('leave nothing that a key used again would not be counted by', async () => {
    const { id } = await core.send('CreateDeal', { title: 'Deal' });
    const [asked, body] = [{ targetId: id, commandId: keyed() }, { responsibleId: null }];
    await core.send('AssignDeal', body, asked);
    await core.rows(`UPDATE es.commands SET at = clock_timestamp() - interval '169 hours' WHERE id = $1`, [asked.commandId]);
    await forgetOldCommands(core.store, new AbortController().signal);
    await core.send('AssignDeal', { responsibleId: core.administratorId }, { targetId: id });
    core.now = () => new Date(Date.now() + 168 * 3_600_000);
    await core.send('AssignDeal', body, asked);
    core.now = () => new Date();
    expect(await versionsOf(`deal-${id}`)).toEqual([1, 2, 3, 4]);
    expect(await disclosuresOf(id, 'reassignment')).toBe(3);
  });
});
