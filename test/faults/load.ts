import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { HttpClient, type HttpAnswer, type System } from '#testing';
import { eventually, freshNumber, made, outcomeOf, unique, type Json, type Person, type Staff } from '../journeys/staff.js';

const READERS = 6;
const WRITERS = 3;
const CARDS = 40;

/** For a system that is loaded with leads from one address. */
export const NO_RATES = { PALISADE_FORM_RATE: '1000000', PALISADE_FORM_TOTAL_RATE: '1000000' } as const;

export interface Answer {
  readonly what: string;
  readonly outcome: string;
  readonly tookMs: number;
  readonly isDuring: boolean;
}

/** Clients that read cards, write contacts and send leads without a pause, and remember each answer. */
export class Load {
  readonly answers: Answer[] = [];
  readonly written: string[] = [];
  readonly leads: string[] = [];
  /** Cards whose body arrived. */
  bodies = 0;
  isDuring = false;
  #isOver = false;
  readonly #running: readonly Promise<void>[];

  private constructor(
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

  /** Makes a reader, a writer, a form and cards, and begins. */
  static async on(system: System, staff: Staff): Promise<Load> {
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
    const ids = cards.map(({ id }) => id);
    return new Load(reader, writer, ingest, key, ids);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
  }

  /** Resolves when each of the three has been served since there were so many answers; `isDuring` while a fault lasts, does not count. */
  async worksAgain(before: number, withinMs: number): Promise<void> {
    const isServed = (what: string): boolean =>
      this.answers.slice(before).some((answer) => answer.what === what && !answer.isDuring && /^20\d$/.test(answer.outcome));
    await eventually(
      'everything to work again',
      () => Promise.resolve(['card', 'write', 'lead'].every(isServed) ? true : undefined),
      withinMs,
    );
  }

  /** After `stop`: every body that was shown is recorded, every confirmed contact is there, every lead arrives. */
  async expectNothingLost(database: pg.Client): Promise<void> {
    const count = async (text: string, values: unknown[] = []): Promise<number> =>
      (await database.query<{ n: number }>(text, values)).rows[0]?.n ?? -1;
    expect(this.bodies).toBeGreaterThan(100);
    expect(
      await count("SELECT count(*)::int AS n FROM watch.disclosures WHERE measure = 'contact.opened'"),
    ).toBeGreaterThanOrEqual(this.bodies);
    expect(await count('SELECT count(*)::int AS n FROM read.contacts WHERE id = ANY($1::uuid[])', [this.written])).toBe(
      this.written.length,
    );
    await eventually(
      'the leads',
      async () =>
        (await count('SELECT count(*)::int AS n FROM read.leads WHERE id = ANY($1::uuid[])', [this.leads])) === this.leads.length
          ? true
          : undefined,
      90_000,
    );
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

/** How often each outcome came, and the longest time that one took. */
export function summary(answers: readonly Answer[]): string {
  return Object.entries(Object.groupBy(answers, ({ what, outcome }) => `${what} ${outcome}`))
    .map(([outcome, of]) => `${outcome}: ${of?.length}, ${Math.round(Math.max(...(of ?? []).map(({ tookMs }) => tookMs)))} ms`)
    .join('\n');
}
