import { spawn } from 'node:child_process';
import { join } from 'node:path';
import pg from 'pg';
import { startSystem, type HttpAnswer, type System } from '#testing';
import { answered, eventually, freshNumber, made, Staff, unique, type Made, type Person } from '../journeys/staff.js';

const ROOT = join(import.meta.dirname, '..', '..');
const WRITES_BEFORE = 30;
/** Kills of a rebuild, from its first moments to after its end. */
const KILLS = 16;
const KILLED_AFTER_MS = { first: 300, more: 150 };
const CREATING = { contact: { view: 'allowed', create: 'allowed', edit: 'allowed' } } as const;

interface Ran {
  readonly code: number | null;
  readonly said: string;
}

/** `npm run rebuild -- …`, on the installation that runs; killed after so many milliseconds, all its processes at once. */
async function rebuild(system: System, args: readonly string[] = [], killedAfterMs?: number): Promise<Ran> {
  const ambient = Object.entries(process.env).filter(([name]) => !name.startsWith('PALISADE_') && !name.startsWith('JEST_'));
  const env = { ...Object.fromEntries(ambient), PALISADE_DATA_DIR: system.dataDir };
  const script = [join(ROOT, 'deploy', 'run.mjs'), 'deploy/src/core-tool.js', 'rebuild', ...args];
  const child = spawn(process.execPath, script, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const kill = (): boolean => child.exitCode === null && child.pid !== undefined && process.kill(-child.pid, 'SIGKILL');
  if (killedAfterMs !== undefined) setTimeout(kill, killedAfterMs);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (said += part.toString('utf8')));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, said };
}

/** A client at work: makes a contact, changes it, and reads back what it wrote; asks again when a part is away for a moment. */
class Worker {
  readonly written = new Map<string, number>();
  readonly strange: string[] = [];
  #isOver = false;
  readonly #running: Promise<void>;

  constructor(private readonly person: Person) {
    this.#running = this.#work();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async #work(): Promise<void> {
    while (!this.#isOver) {
      const name = unique('Written');
      const headers = { 'idempotency-key': name };
      const body = { name, phones: [{ number: freshNumber() }] };
      const { id } = await this.#asked<Made>(201, () => this.person.client.request('POST', '/v1/contacts', { body, headers }));
      const tags = [unique('tag')];
      const changed = await this.#asked<Made>(200, () =>
        this.person.client.request('PATCH', `/v1/contacts/${id}`, { body: { tags } }),
      );
      const read = await this.#asked<Made>(200, () => this.person.client.get(`/v1/contacts/${id}`));
      if (read['name'] !== name || read.version < changed.version) this.strange.push(`${id} was read as it was before`);
      this.written.set(id, changed.version);
    }
  }

  #asked<Body>(status: number, ask: () => Promise<HttpAnswer<Body>>): Promise<Body> {
    return eventually('an answer', async () => {
      const answer = await ask().catch(() => undefined);
      if (answer === undefined || answer.status === 503) return undefined;
      if (answer.status !== status) this.strange.push(`${answer.status} ${answer.text.slice(0, 200)}`);
      return answer.body;
    });
  }
}

describe('a rebuild while people work', () => {
  let system: System;
  let staff: Staff;
  let workers: readonly Worker[];

  beforeAll(async () => {
    system = await startSystem();
    staff = await Staff.of(system);
    const people = [await staff.person({ grants: CREATING }), await staff.person({ grants: CREATING })];
    workers = people.map((person) => new Worker(person));
  }, 120_000);
  afterAll(async () => {
    await Promise.all((workers ?? []).map((worker) => worker.stop()));
    await system?.stop();
  });
  const written = (): number => workers.reduce((sum, { written: done }) => sum + done.size, 0);
  const more = (count: number): Promise<true> => {
    const goal = written() + count;
    return eventually('work to go on', () => Promise.resolve(written() >= goal ? true : undefined), 60_000);
  };

  it('loses nothing, also when it is killed, shows everybody his own writes, and keeps nobody who was erased meanwhile', async () => {
    await more(WRITES_BEFORE);
    const before = written();
    const ran = await rebuild(system);
    expect(ran).toMatchObject({ code: 0, said: expect.stringContaining('rebuilt in') });
    expect(written()).toBeGreaterThan(before);
    await more(5);
    const database = new pg.Client({ connectionString: system.connections.database.superuser });
    await database.connect();
    const erased: string[] = [];
    const leftBeside = async (): Promise<number> =>
      (await database.query(`SELECT FROM pg_class WHERE relnamespace = 'rebuild'::regnamespace AND relkind = 'r'`)).rowCount ?? 0;
    let left = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const name = unique('Goner');
      const { id } = await made(staff.admin.post('/v1/contacts', { name }));
      const running = rebuild(system, [], KILLED_AFTER_MS.first + kill * KILLED_AFTER_MS.more);
      if (kill % 2 === 0) await running;
      await answered(200, staff.admin.post(`/v1/contacts/${id}/erase`, { reason: 'asked' }));
      erased.push(name);
      await running;
      left += (await leftBeside()) > 0 ? 1 : 0;
    }
    // Some were killed with their tables half made, or nothing was put to the test.
    expect(left).toBeGreaterThan(0);
    await eventually('what they left to be gone', async () => ((await leftBeside()) === 0 ? true : undefined), 90_000);
    const tables = await database.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ('es', 'vault', 'read', 'rebuild')`,
    );
    for (const table of tables.rows) {
      const found = await database.query(`SELECT FROM ${table.name} t, unnest($1::text[]) n WHERE position(n IN t::text) > 0`, [
        erased,
      ]);
      expect([table.name, found.rowCount]).toEqual([table.name, 0]);
    }
    await database.end();
    const verified = await rebuild(system, ['--verify']);
    expect(verified).toMatchObject({ code: 0, said: expect.stringContaining('read models are what the log says') });
    await Promise.all(workers.map((worker) => worker.stop()));
    expect(workers.flatMap(({ strange }) => strange)).toEqual([]);
    for (const { written: done } of workers)
      for (const [id, version] of done)
        expect((await answered(200, staff.admin.get<Made>(`/v1/contacts/${id}`))).version).toBe(version);
  }, 400_000);

  it('finds a row that was changed behind the log, names its id and no value, and makes it right', async () => {
    const [id = ''] = workers[0]?.written.keys() ?? [];
    const database = new pg.Client({ connectionString: system.connections.database.superuser });
    await database.connect();
    await database.query('UPDATE read.contacts SET name = $2 WHERE id = $1', [id, 'Forged Name']);
    await database.end();
    const found = await rebuild(system, ['--verify']);
    expect(found).toMatchObject({ code: 1, said: expect.stringContaining(id) });
    expect(found.said).not.toMatch(/Forged|Written/);
    expect((await rebuild(system)).code).toBe(0);
    expect((await answered(200, staff.admin.get<Made>(`/v1/contacts/${id}`)))['name']).toMatch(/^Written/);
    expect((await rebuild(system, ['--verify'])).code).toBe(0);
  }, 180_000);

  it('an older read model that is put back is brought up to the log before core answers', async () => {
    const [id = ''] = workers[0]?.written.keys() ?? [];
    const database = new pg.Client({ connectionString: system.connections.database.superuser });
    await database.connect();
    const { id: later } = await made(staff.admin.post('/v1/contacts', { name: unique('Later') }));
    await database.query('UPDATE read.contacts SET version = version - 1, tags = $2 WHERE id = $1', [id, []]);
    await database.query('DELETE FROM read.contacts WHERE id = $1', [later]);
    await database.end();
    await system.halt();
    await system.start();
    expect((await rebuild(system, ['--verify'])).said).toContain('read models are what the log says');
  }, 180_000);
});
