import { spawn } from 'node:child_process';
import { join } from 'node:path';
import pg from 'pg';
import { startSystem, type HttpAnswer, type System } from '#testing';
import { answered, eventually, freshNumber, made, Staff, unique, type Made, type Person } from '../journeys/staff.js';

const ROOT = join(import.meta.dirname, '..', '..');
const WRITES_BEFORE = 30;
const CREATING = { contact: { view: 'allowed', create: 'allowed', edit: 'allowed' } } as const;

interface Ran {
  readonly code: number | null;
  readonly said: string;
}

/** `npm run rebuild -- …`, on the installation that runs. */
async function rebuild(system: System, ...args: readonly string[]): Promise<Ran> {
  const ambient = Object.entries(process.env).filter(([name]) => !name.startsWith('PALISADE_') && !name.startsWith('JEST_'));
  const env = { ...Object.fromEntries(ambient), PALISADE_DATA_DIR: system.dataDir };
  const script = [join(ROOT, 'deploy', 'run.mjs'), 'deploy/src/core-tool.js', 'rebuild', ...args];
  const child = spawn(process.execPath, script, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
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

  it('loses nothing, and shows everybody his own writes', async () => {
    await more(WRITES_BEFORE);
    const before = written();
    const ran = await rebuild(system);
    expect(ran).toMatchObject({ code: 0, said: expect.stringContaining('rebuilt in') });
    expect(written()).toBeGreaterThan(before);
    await more(5);
    const verified = await rebuild(system, '--verify');
    expect(verified).toMatchObject({ code: 0, said: expect.stringContaining('read models are what the log says') });
    await Promise.all(workers.map((worker) => worker.stop()));
    expect(workers.flatMap(({ strange }) => strange)).toEqual([]);
    for (const { written: done } of workers)
      for (const [id, version] of done)
        expect((await answered(200, staff.admin.get<Made>(`/v1/contacts/${id}`))).version).toBe(version);
  }, 180_000);

  it('finds a row that was changed behind the log, names its id and no value, and makes it right', async () => {
    const [id = ''] = workers[0]?.written.keys() ?? [];
    const database = new pg.Client({ connectionString: system.connections.database.superuser });
    await database.connect();
    await database.query('UPDATE read.contacts SET name = $2 WHERE id = $1', [id, 'Forged Name']);
    await database.end();
    const found = await rebuild(system, '--verify');
    expect(found).toMatchObject({ code: 1, said: expect.stringContaining(id) });
    expect(found.said).not.toMatch(/Forged|Written/);
    expect((await rebuild(system)).code).toBe(0);
    expect((await answered(200, staff.admin.get<Made>(`/v1/contacts/${id}`)))['name']).toMatch(/^Written/);
    expect((await rebuild(system, '--verify')).code).toBe(0);
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
    expect((await rebuild(system, '--verify')).said).toContain('read models are what the log says');
  }, 180_000);
});
