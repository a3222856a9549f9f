import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { HttpClient, startSystem, type HttpAnswer, type System } from '#testing';
import { eventually, freshNumber, made, outcomeOf, Staff, unique, type Json, type Person } from '../journeys/staff.js';

const READERS = 6;
const WRITERS = 3;
const CARDS = 40;
/** More than the server has (deploy/src/servers/postgres-server.ts). */
const MOST_CONNECTIONS = 250;
/** How long each fault lasts. */
const FAULT_MS = 4_000;
/** quality.md: refused within a second. What a busy machine adds to it. */
const REFUSED_WITHIN_MS = 1_000 + 1_000;
const HEALED_WITHIN_MS = 10_000;

interface Answer {
  readonly what: string;
  readonly outcome: string;
  readonly tookMs: number;
  readonly isDuring: boolean;
}

/** Clients that read cards, write contacts and send leads without a pause, and remember each answer. */
class Load {
  readonly answers: Answer[] = [];
  readonly written: string[] = [];
  readonly leads: string[] = [];
  /** Cards whose body arrived. */
  bodies = 0;
  isDuring = false;
  #isOver = false;
  readonly #running: readonly Promise<void>[];

  constructor(
    private readonly reader: Person,
    private readonly writer: Person,
    private readonly ingest: HttpClient,
    private readonly formKey: string,
    private readonly cards: readonly string[],
  ) {
    this.#running = [
      ...Array.from({ length: READERS }, (_, n) => this.#each('card', (turn) => this.#read(n + turn))),
      ...Array.from({ length: WRITERS }, () => this.#each('write', () => this.#write())),
      this.#each('lead', () => this.#lead()),
    ];
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
  }

  async #each(what: string, ask: (turn: number) => Promise<HttpAnswer<Json>>): Promise<void> {
    for (let turn = 0; !this.#isOver; turn += 1) {
      const { isDuring } = this;
      const before = performance.now();
      const outcome = await ask(turn).then(told, () => 'no answer');
      this.answers.push({ what, outcome, tookMs: performance.now() - before, isDuring });
      await sleep(5);
    }
  }

  async #read(turn: number): Promise<HttpAnswer<Json>> {
    const answer = await this.reader.client.get(`/v1/contacts/${this.cards[turn % this.cards.length]}`);
    if (answer.status === 200) this.bodies += 1;
    return answer;
  }

  async #write(): Promise<HttpAnswer<Json>> {
    const name = unique('Written');
    const answer = await this.writer.client.post('/v1/contacts', { name });
    if (answer.status === 201) this.written.push(String(answer.body['id']));
    return answer;
  }

  async #lead(): Promise<HttpAnswer<Json>> {
    const answer = await this.ingest.post(`/v1/forms/${this.formKey}/leads`, { name: unique('Person'), phone: freshNumber() });
    if (answer.status === 202) this.leads.push(String(answer.body['leadId']));
    return answer;
  }
}

/** The outcome; a refusal for a time says when to come again. */
function told(answer: HttpAnswer<Json>): string {
  const outcome = outcomeOf(answer);
  return answer.status === 503 && !/^\d+$/.test(answer.headers.get('retry-after') ?? '')
    ? `${outcome} without Retry-After`
    : outcome;
}

describe('PostgreSQL', () => {
  let system: System;
  let staff: Staff;
  let database: pg.Client;
  let load: Load;

  beforeAll(async () => {
    system = await startSystem({
      env: { PALISADE_FORM_RATE: '1000000', PALISADE_FORM_TOTAL_RATE: '1000000', PALISADE_DATABASE_ANSWER_MS: '900' },
    });
    staff = await Staff.of(system);
    const cards = await Promise.all(
      Array.from({ length: CARDS }, (_, n) => made(staff.admin.post('/v1/contacts', { name: `Card ${n}` }))),
    );
    const reader = await staff.person({ grants: { contact: { view: 'allowed' } } });
    const writer = await staff.person({ grants: { contact: { view: 'allowed', create: 'allowed' } } });
    const form = await made(staff.admin.post('/v1/forms', { name: unique('Form'), quarantineAfter: null }));
    const ingest = new HttpClient(system.ingestUrl);
    const key = String(form['key']);
    await eventually('the form', async () =>
      (await ingest.post(`/v1/forms/${key}/leads`, {})).status === 422 ? true : undefined,
    );
    load = new Load(
      reader,
      writer,
      ingest,
      key,
      cards.map(({ id }) => id),
    );
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
      await eventually(
        'everything to work again',
        () => {
          const since = load.answers.slice(before).filter(({ isDuring }) => !isDuring);
          const works = ['card', 'write', 'lead'].every((what) =>
            since.some((answer) => answer.what === what && /^20\d$/.test(answer.outcome)),
          );
          return Promise.resolve(works ? true : undefined);
        },
        HEALED_WITHIN_MS,
      );
      console.log(`healed after ${Math.round(performance.now() - endedAt)} ms`);
      const during = load.answers.filter(({ isDuring }) => isDuring);
      const outcomes = Object.entries(Object.groupBy(during, ({ what, outcome }) => `${what} ${outcome}`)).map(
        ([outcome, of]) => `${outcome}: ${of?.length}, ${Math.round(Math.max(...(of ?? []).map(({ tookMs }) => tookMs)))} ms`,
      );
      console.log(outcomes.join('\n'));
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
    const count = async (text: string, values: unknown[] = []): Promise<number> =>
      (await database.query<{ n: number }>(text, values)).rows[0]?.n ?? -1;
    expect(load.bodies).toBeGreaterThan(100);
    expect(
      await count("SELECT count(*)::int AS n FROM watch.disclosures WHERE measure = 'contact.opened'"),
    ).toBeGreaterThanOrEqual(load.bodies);
    expect(await count('SELECT count(*)::int AS n FROM read.contacts WHERE id = ANY($1::uuid[])', [load.written])).toBe(
      load.written.length,
    );
    await eventually(
      'the leads',
      async () =>
        (await count('SELECT count(*)::int AS n FROM read.leads WHERE id = ANY($1::uuid[])', [load.leads])) === load.leads.length
          ? true
          : undefined,
      90_000,
    );
  }, 120_000);
});
