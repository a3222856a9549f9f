import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import pg from 'pg';
import { startSystem, type System } from '#testing';
import { HeadsFile, type OutsideHead } from '../../apps/crm-core/src/seals/heads-file.js';
import { writeAtomically } from '../../deploy/src/atomic-file.js';
import { eventually, made, outcome, Staff, unique } from '../journeys/staff.js';
import { Load, NO_RATES, summary, type Answer } from './load.js';
import { SmallDisk } from './small-disk.js';

/** How long each disk is full. */
const FAULT_MS = 6_000;
/** A broker whose streams are stuck is ended after three looks of six seconds (deploy/src/servers/stuck-broker.ts). */
const HEALED_WITHIN_MS = 40_000;
/**
 * The writers of an installation, each a folder of the data directory and a disk of so many megabytes. The first is the directory
 * itself: what runs, ports, connections and keys. Exports lie in PostgreSQL, sealed; nothing else writes.
 */
const DISKS = { '': 128, postgres: 600, nats: 128, heads: 16, logs: 128, spool: 64 } as const;
type Writer = keyof typeof DISKS;
const SERVED = ['card 200', 'write 201', 'lead 202'];
/** Written to PostgreSQL's log of changes: more than it has ready, so that it must make a new piece, and panics. */
const MUCH_BYTES = 40_000_000;
const MUCH_TIMES = 10;

describe('a full disk', () => {
  let system: System;
  let staff: Staff;
  let load: Load;
  const disks = new Map<Writer, SmallDisk>();

  beforeAll(async () => {
    system = await startSystem({ env: { ...NO_RATES, PALISADE_DATABASE_ANSWER_MS: '900' } });
    await system.halt();
    // The whole first, then its parts on disks of their own.
    for (const [writer, megabytes] of Object.entries(DISKS) as Array<[Writer, number]>)
      disks.set(writer, SmallDisk.under(realpathSync(join(system.dataDir, writer)), megabytes));
    await system.start();
    staff = await Staff.of(system);
    load = await Load.on(system, staff);
    await eventually('work', () => Promise.resolve(load.answers.length > 300 ? true : undefined));
  }, 120_000);
  afterAll(async () => {
    await load?.stop();
    await system?.halt().catch((error: unknown) => console.error(error));
    for (const disk of [...disks.values()].reverse()) disk.remove();
    await system?.stop();
  }, 60_000);

  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: system.connections.database.superuser });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  const pidOf = (wanted: string): number => Number(system.run().find(({ service }) => service === wanted)?.pid);

  /** What clients were told while the writer had no room, and at worst what they might be told. Resolves when all works again. */
  async function whileFull(
    writer: Writer,
    allowed: readonly string[],
    work = (): Promise<unknown> => Promise.resolve(),
  ): Promise<void> {
    const disk = disks.get(writer) as SmallDisk;
    load.answers.length = 0;
    disk.fill();
    load.isDuring = true;
    try {
      await work();
      await sleep(FAULT_MS);
    } finally {
      load.isDuring = false;
      disk.free();
    }
    const [endedAt, before] = [performance.now(), load.answers.length];
    await load.worksAgain(before, HEALED_WITHIN_MS);
    const during = load.answers.filter(({ isDuring }) => isDuring);
    console.log(`${writer || 'data directory'}: healed after ${Math.round(performance.now() - endedAt)} ms\n${summary(during)}`);
    expect(during.filter(({ what, outcome: told }) => !allowed.includes(`${what} ${told}`))).toEqual([]);
  }
  const served = (what: Answer['what'], since: number): Promise<true> =>
    eventually('an answer on a full disk', () =>
      Promise.resolve(
        load.answers.slice(since).some((answer) => answer.what === what && SERVED.includes(`${what} ${answer.outcome}`))
          ? true
          : undefined,
      ),
    );

  it('under the logs hinders nobody', async () => {
    await whileFull('logs', SERVED);
  }, 90_000);

  it('under the heads hinders nobody, and the heads are all there afterwards', async () => {
    await whileFull('heads', SERVED);
    const database = await connect();
    try {
      await eventually('the last head outside', async () => {
        // What stands behind the last end of a line is on its way.
        const lines = readFileSync(join(system.dataDir, 'heads', 'heads.jsonl'), 'utf8')
          .split('\n')
          .slice(0, -1);
        const numbers = lines.map((line) => (JSON.parse(line) as { number: number }).number);
        expect(numbers).toEqual(numbers.map((_, index) => index + 1));
        const { rows } = await database.query<{ number: number }>('SELECT max(number)::int AS number FROM es.seals');
        return rows[0]?.number === numbers.at(-1) ? true : undefined;
      });
    } finally {
      await database.end();
    }
  }, 90_000);

  it('under the spool: leads are refused for a time, the rest goes on', async () => {
    await whileFull('spool', [...SERVED, 'lead 503 spool-full']);
  }, 90_000);

  it('under the data directory itself: what is killed comes back on it, and the list of what runs is true again afterwards', async () => {
    await whileFull('', [...SERVED, 'write 503 dependency-unavailable', 'lead no answer'], async () => {
      for (const service of ['crm-core', 'lead-ingest']) process.kill(pidOf(service), 'SIGKILL');
      const since = load.answers.length;
      await Promise.all([served('write', since), served('lead', since)]);
    });
    await eventually('processes that run', () =>
      Promise.resolve(system.run().every(({ pid }) => isRunning(pid)) ? true : undefined),
    );
  }, 90_000);

  it('under the broker: cards and leads go on, commands go on or are refused for a time', async () => {
    const before = pidOf('nats');
    await whileFull('nats', [...SERVED, 'write 503 dependency-unavailable']);
    console.log(pidOf('nats') === before ? 'the broker went on by itself' : 'the broker was stuck, and started anew');
  }, 90_000);

  it('under PostgreSQL, to the point where it gives up: refused for a time, leads taken', async () => {
    const [database, before] = [await connect(), pidOf('postgres')];
    const refusals = ['card 503 dependency-unavailable', 'write 503 dependency-unavailable'];
    await whileFull('postgres', [...SERVED, ...refusals], async () => {
      const started = await outcome(staff.admin.post('/v1/exports', { type: 'contacts', filter: {}, format: 'csv' }));
      expect(['202', '503 dependency-unavailable']).toContain(started);
      await expect(writeUntilRefused(database)).resolves.toBe('refused');
    });
    await database.end().catch(() => undefined);
    console.log(pidOf('postgres') === before ? 'PostgreSQL went on by itself' : 'PostgreSQL was started anew');
    const { exportId } = (await staff.admin.post('/v1/exports', { type: 'contacts', filter: {}, format: 'csv' })).body;
    await eventually('an export', async () =>
      (await staff.admin.get(`/v1/exports/${String(exportId)}`)).body['state'] === 'done' ? true : undefined,
    );
  }, 120_000);

  it('loses nothing that was confirmed, and shows nothing that is not recorded', async () => {
    await load.stop();
    await system.waitUntilReady(30_000);
    const database = await connect();
    try {
      await load.expectNothingLost(database);
    } finally {
      await database.end();
    }
    await made(staff.admin.post('/v1/contacts', { name: unique('After') }));
  }, 120_000);
});

describe('a disk with room for a part', () => {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-part-'));
  let disk: SmallDisk;
  beforeAll(() => (disk = SmallDisk.under(folder, 1)));
  afterAll(() => {
    disk.remove();
    rmSync(folder, { recursive: true });
  });

  it('leaves the file that was to be replaced as it was', () => {
    const [file, longer] = [join(folder, 'run.json'), 'x'.repeat(20_000)];
    writeAtomically(file, 'whole', 0o600);
    disk.leave(4_096);
    expect(() => writeAtomically(file, longer, 0o600)).toThrow('ENOSPC');
    expect(readFileSync(file, 'utf8')).toBe('whole');
    disk.free();
    writeAtomically(file, longer, 0o600);
    expect(readFileSync(file, 'utf8')).toBe(longer);
  });

  it('takes no head for written that is not, and cuts its part off', async () => {
    const heads = new HeadsFile(join(folder, 'heads.jsonl'));
    const head = (number: number): OutsideHead => ({
      ...{ number, previousHead: Buffer.alloc(32), root: Buffer.alloc(32), events: 1_000, total: 1_000 },
      ...{ sealedAt: '2026-01-01T00:00:00.000Z', head: Buffer.alloc(32), keyId: 'key', signature: Buffer.alloc(64) },
      prints: Buffer.alloc(8_000),
    });
    await heads.prepare();
    await heads.append([head(1)]);
    disk.leave(4_096);
    await expect(heads.append([head(2)])).rejects.toThrow('ENOSPC');
    disk.free();
    expect((await heads.prepare())?.number).toBe(1);
    await heads.append([head(2)]);
    expect((await heads.last())?.number).toBe(2);
  });
});

async function writeUntilRefused(database: pg.Client): Promise<'refused' | 'written'> {
  for (let times = 0; times < MUCH_TIMES; times += 1) {
    const written = await database.query(`SELECT pg_logical_emit_message(true, 'full', repeat('x', ${MUCH_BYTES}))`).then(
      () => true,
      () => false,
    );
    if (!written) return 'refused';
  }
  return 'written';
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
