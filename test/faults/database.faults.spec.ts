import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startSystem, type System } from '#testing';
import { eventually, Staff } from '../journeys/staff.js';
import { Load, NO_RATES, summary } from './load.js';

/** More than the server has (deploy/src/servers/postgres-server.ts). */
const MOST_CONNECTIONS = 250;
/** How long each fault lasts. */
const FAULT_MS = 4_000;
/** The API promises: refused within a second. What a busy machine adds to it. */
const REFUSED_WITHIN_MS = 1_000 + 1_000;
const HEALED_WITHIN_MS = 10_000;

describe('PostgreSQL', () => {
  let system: System;
  let staff: Staff;
  let database: pg.Client;
  let load: Load;

  beforeAll(async () => {
    system = await startSystem({
      env: { ...NO_RATES, PALISADE_DATABASE_ANSWER_MS: '900' },
    });
    staff = await Staff.of(system);
    load = await Load.on(system, staff);
    await eventually('work', () => Promise.resolve(load.answers.length > 100 ? true : undefined));
  }, 120_000);
  afterAll(async () => {
    await load?.stop();
    await database?.end().catch(() => undefined);
    await system?.stop();
  });

  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: system.connections.database.superuser });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  const postmaster = (): number | undefined => system.run().find(({ service }) => service === 'postgres')?.pid;
  const everyProcess = async (): Promise<readonly number[]> => {
    const parent = await eventually('PostgreSQL', () => Promise.resolve(postmaster()));
    const children = execFileSync('pgrep', ['-P', String(parent)], { encoding: 'utf8' })
      .split('\n')
      .filter(Boolean)
      .map(Number);
    return [parent, ...children];
  };

  /** Each fault: what begins it, and what ends it. */
  const FAULTS: ReadonlyArray<readonly [string, () => Promise<() => Promise<void>>]> = [
    [
      'that is away',
      () => {
        let isOver = false;
        const killing = (async () => {
          while (!isOver) {
            try {
              const pid = postmaster();
              if (pid !== undefined) process.kill(pid, 'SIGKILL');
            } catch {
              // Gone already, or run.json is being written.
            }
            await sleep(50);
          }
        })();
        return Promise.resolve(async () => {
          isOver = true;
          await killing;
        });
      },
    ],
    [
      'that does not answer',
      async () => {
        const stopped = await everyProcess();
        for (const pid of stopped) process.kill(pid, 'SIGSTOP');
        return () => Promise.resolve(stopped.forEach((pid) => process.kill(pid, 'SIGCONT')));
      },
    ],
    [
      'that is slow, for its tables are locked',
      async () => {
        const client = await connect();
        await client.query('BEGIN; LOCK TABLE watch.disclosures, es.events IN ACCESS EXCLUSIVE MODE');
        return async () => {
          await client.query('ROLLBACK');
          await client.end();
        };
      },
    ],
    [
      'whose connections are exhausted',
      async () => {
        const clients: pg.Client[] = [];
        // Until it refuses: more than it has.
        const fill = async (): Promise<void> => {
          for (let isFull = false; !isFull && clients.length < MOST_CONNECTIONS;) {
            const more = await Promise.allSettled(Array.from({ length: 16 }, () => connect()));
            clients.push(...more.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : [])));
            isFull = more.some(({ status }) => status === 'rejected');
          }
        };
        await fill();
        // Those that the gateway holds are taken from it, so that it wants new ones.
        await clients[0]?.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'access-gateway%' AND pid <> pg_backend_pid()",
        );
        await fill();
        return async () => void (await Promise.all(clients.map((client) => client.end().catch(() => undefined))));
      },
    ],
  ];

  it.each(FAULTS)(
    '%s: refused within a second or served, leads taken, healed by itself',
    async (fault, begin) => {
      load.answers.length = 0;
      const end = await begin();
      load.isDuring = true;
      await sleep(FAULT_MS);
      load.isDuring = false;
      await end();
      const [endedAt, before] = [performance.now(), load.answers.length];
      await load.worksAgain(before, HEALED_WITHIN_MS);
      console.log(`healed after ${Math.round(performance.now() - endedAt)} ms`);
      const during = load.answers.filter(({ isDuring }) => isDuring);
      console.log(summary(during));
      // Refused for a time, at once; what came of a write may not be known sooner than core's own limit. Leads need no database.
      expect(during.filter(({ what, outcome }) => what === 'lead' && outcome !== '202')).toEqual([]);
      expect(during.filter(({ outcome }) => !/^(200|201|202|503 dependency-unavailable)$/.test(outcome))).toEqual([]);
      expect(
        during.filter(({ what, outcome, tookMs }) => what !== 'write' && outcome.startsWith('503') && tookMs > REFUSED_WITHIN_MS),
      ).toEqual([]);
      // Who has his connections still is served. All others refuse somebody, or there was no fault.
      if (!fault.startsWith('whose connections')) expect(during.some(({ outcome }) => outcome.startsWith('503'))).toBe(true);
    },
    60_000,
  );

  it('has shown nothing that is not recorded, and lost nothing that was confirmed', async () => {
    await load.stop();
    await system.waitUntilReady(30_000);
    database = await connect();
    await load.expectNothingLost(database);
  }, 120_000);
});
