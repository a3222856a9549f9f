import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import pg from 'pg';
import { HttpClient, startSystem, type HttpAnswer, type System } from '#testing';
import { eventually, freshNumber, made, Staff, unique, type Json } from '../journeys/staff.js';

/** Leads of a run: `INTAKE_LEADS=10000` for the whole of it; as many as a pipeline has the time for otherwise. */
const LEADS = Number(process.env['INTAKE_LEADS'] ?? 2_500);
const CONNECTIONS = 32;
const PARTS = ['lead-ingest', 'nats', 'crm-core', 'postgres'] as const;
/** Each part is killed so often at least, however fast the leads are in. */
const KILLS_OF_EACH = 2;
/** People who write more than once, and how many leads come from one of them, or go to a department in turn. */
const REGULARS = 40;
const EVERY = 5;
const PEOPLE_IN_TURN = 3;
const TIMEOUT_MS = 120_000 + LEADS * 100;
/** Within the test's own time, so that one that waits in vain tells where everything stood. */
const ARRIVED_WITHIN_MS = TIMEOUT_MS - 60_000;
/** The order and the moments of the kills; printed with a failure. */
const SEED = process.env['INTAKE_SEED'] ?? '7';

interface Sent {
  readonly leadId: string;
  readonly phone: string;
  readonly inTurn: boolean;
}

/** The process that kills, and what it has killed so far. */
class Killer {
  readonly kills: string[] = [];
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;

  constructor({ dataDir, gatewayUrl, ingestUrl }: System) {
    const script = join(import.meta.dirname, 'killer.mjs');
    this.#process = spawn(process.execPath, [script, dataDir, SEED, `${gatewayUrl},${ingestUrl}`, ...PARTS], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#process.stdout?.on('data', (chunk: Buffer) => this.kills.push(...chunk.toString('utf8').split('\n').filter(Boolean)));
    this.#ended = new Promise((resolve) => this.#process.once('exit', resolve));
  }

  get hasKilledEach(): boolean {
    return PARTS.every((part) => this.kills.filter((killed) => killed === part).length >= KILLS_OF_EACH);
  }

  async stop(): Promise<void> {
    this.#process.kill('SIGTERM');
    await this.#ended;
  }
}

/** Clients that send until they are told that it was taken, each lead under its own key. */
class Senders {
  readonly sent: Sent[] = [];
  readonly strange: string[] = [];
  /** Requests whose outcome the client did not learn, so that it asked again. */
  doubts = 0;
  #next = 0;

  constructor(
    private readonly ingest: HttpClient,
    private readonly keys: { readonly plain: string; readonly inTurn: string },
    private readonly killer: Killer,
  ) {}

  async sendAll(): Promise<void> {
    await Promise.all(Array.from({ length: CONNECTIONS }, () => this.#send()));
  }

  async #send(): Promise<void> {
    const regulars = REGULAR_NUMBERS;
    // Until every lead is in and every part was killed under it.
    while (this.#next < LEADS || !this.killer.hasKilledEach) {
      const index = (this.#next += 1);
      const phone = index % EVERY === 0 ? (regulars[index % regulars.length] as string) : freshNumber();
      const inTurn = index % EVERY === 1;
      const path = `/v1/forms/${inTurn ? this.keys.inTurn : this.keys.plain}/leads`;
      const key = unique('lead');
      const body = { name: unique('Person'), phone, utm_source: 'faults' };
      const post = (): Promise<HttpAnswer<Json>> =>
        this.ingest.request('POST', path, { body, headers: { 'idempotency-key': key }, timeoutMs: 5_000 });
      const answer = await eventually('an answer', async () => this.#settled(await post().catch(() => undefined)), 120_000);
      if (answer.status === 202) this.sent.push({ leadId: String(answer.body['leadId']), phone, inTurn });
      else this.strange.push(`${answer.status} ${answer.text.slice(0, 200)}`);
    }
  }

  #settled(answer: HttpAnswer<Json> | undefined): HttpAnswer<Json> | undefined {
    if (answer === undefined) this.doubts += 1;
    return answer === undefined || answer.status === 503 ? undefined : answer;
  }
}
const REGULAR_NUMBERS = Array.from({ length: REGULARS }, freshNumber);

describe('leads under load, with kill -9 of ingest, broker, core and PostgreSQL in turn', () => {
  let system: System;
  let killer: Killer | undefined;
  let senders: Senders;
  let database: pg.Client;

  beforeAll(async () => {
    const env = { PALISADE_FORM_RATE: '10000000', PALISADE_FORM_TOTAL_RATE: '10000000' };
    system = await startSystem({ cores: 2, env });
    const staff = await Staff.of(system);
    const departmentId = await staff.department();
    for (let person = 0; person < PEOPLE_IN_TURN; person += 1) await staff.person({ departmentId });
    const form = async (more: Json): Promise<string> =>
      String((await made(staff.admin.post('/v1/forms', { name: unique('Form'), quarantineAfter: null, ...more })))['key']);
    const keys = { plain: await form({}), inTurn: await form({ assign: { departmentId } }) };
    const ingest = new HttpClient(system.ingestUrl);
    for (const key of Object.values(keys)) {
      await eventually('a form to be in force', async () =>
        (await ingest.post(`/v1/forms/${key}/leads`, {})).status === 422 ? true : undefined,
      );
    }
    killer = new Killer(system);
    senders = new Senders(ingest, keys, killer);
  }, 120_000);
  afterAll(async () => {
    await killer?.stop();
    await database?.end().catch(() => undefined);
    await system?.stop();
  });

  const rows = async <Row extends pg.QueryResultRow>(text: string): Promise<Row[]> => (await database.query<Row>(text)).rows;

  it(
    'are each taken once',
    async () => {
      await senders.sendAll();
      await killer?.stop();
      await system.waitUntilReady(60_000);
      expect(senders.strange).toEqual([]);
      // A run in which nothing was in doubt would prove nothing.
      expect(senders.doubts).toBeGreaterThan(0);
      expect(new Set(senders.sent.map(({ leadId }) => leadId)).size).toBe(senders.sent.length);
      expect(senders.sent.length).toBeGreaterThanOrEqual(LEADS);
    },
    TIMEOUT_MS,
  );

  it(
    'are each exactly one deal, whatever was killed meanwhile',
    async () => {
      database = new pg.Client({ connectionString: system.connections.database.superuser });
      database.on('error', () => undefined);
      await database.connect();
      const arrived = async (): Promise<number> =>
        (await rows<{ n: number }>('SELECT count(*)::int AS n FROM read.leads'))[0]?.n ?? 0;
      const all = async (): Promise<true | undefined> => ((await arrived()) >= senders.sent.length ? true : undefined);
      await eventually('every lead to arrive', all, ARRIVED_WITHIN_MS).catch(async (error: unknown) => {
        const report = `${await arrived()} of ${senders.sent.length} arrived (seed ${SEED}):\n${system.logTails()}`;
        throw new Error(report, { cause: error });
      });
      const deals = await rows<{ lead_id: string; contact_id: string; responsible_id: string | null }>(
        'SELECT lead_id, contact_ids[1] AS contact_id, responsible_id FROM read.deals',
      );
      expect(deals.map(({ lead_id: id }) => id).sort()).toEqual(senders.sent.map(({ leadId }) => leadId).sort());
      expect(await rows(`SELECT state, count(*)::int AS n FROM read.leads GROUP BY state`)).toEqual([
        { state: 'accepted', n: senders.sent.length },
      ]);
      const [events] = await rows<{ deals: number; accepted: number }>(
        `SELECT count(*) FILTER (WHERE type = 'DealCreated')::int AS deals, count(*) FILTER (WHERE type = 'LeadAccepted')::int AS accepted
         FROM es.events`,
      );
      expect(events).toEqual({ deals: senders.sent.length, accepted: senders.sent.length });

      // Each person one contact, however many leads of his came at once.
      const contactOf = new Map(deals.map(({ lead_id: lead, contact_id: contact }) => [lead, contact]));
      const contactsByPhone = Map.groupBy(senders.sent, ({ phone }) => phone);
      for (const ofOne of contactsByPhone.values())
        expect(new Set(ofOne.map(({ leadId }) => contactOf.get(leadId))).size).toBe(1);
      expect(await rows('SELECT count(*)::int AS n FROM read.contacts')).toEqual([{ n: contactsByPhone.size }]);

      // And the turns are even to the one.
      const turns = Map.groupBy(deals, ({ responsible_id: id }) => id);
      const given = [...turns].filter(([id]) => id !== null).map(([, ofOne]) => ofOne.length);
      expect(given.reduce((sum, n) => sum + n, 0)).toBe(senders.sent.filter(({ inTurn }) => inTurn).length);
      expect([given.length, Math.max(...given) - Math.min(...given) <= 1]).toEqual([PEOPLE_IN_TURN, true]);
    },
    TIMEOUT_MS,
  );
});
