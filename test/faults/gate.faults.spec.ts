import pg from 'pg';
import { startSystem, type HttpAnswer, type HttpClient, type System } from '#testing';
import { answered, eventually, made, outcomeOf, persistently, Staff, type Json, type Person } from '../journeys/staff.js';

const CARDS = 200;
const OPENINGS = 200;
const LIMITS = [1, 20, 100] as const;
const SEEDS = Array.from({ length: 10 }, (_, seed) => seed + 1);
/** Openings of a round with kills that have been answered when the killing begins. */
const ANSWERED_BEFORE_KILLS = 20;

/** mulberry32, public domain: a round is the same each time for the same seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface Round {
  readonly bodies: number;
  readonly cards: ReadonlySet<string>;
  readonly refusals: ReadonlySet<string>;
  /** Openings whose client never learned what became of them. */
  readonly inDoubt: number;
}

describe('N cards and not one more', () => {
  let system: System;
  let staff: Staff;
  let database: pg.Client;
  let cards: string[];

  beforeAll(async () => {
    system = await startSystem({ gateways: 2, monitors: 2 });
    staff = await Staff.of(system);
    database = new pg.Client({ connectionString: system.connections.database.superuser });
    await database.connect();
    cards = [];
    for (let from = 0; from < CARDS; from += 20) {
      const making = Array.from({ length: 20 }, (_, n) => made(staff.admin.post('/v1/contacts', { name: `Card ${from + n}` })));
      cards.push(...(await Promise.all(making)).map(({ id }) => id));
    }
  }, 180_000);
  afterAll(async () => {
    await database?.end();
    await system?.stop();
  });

  /** Cards in an order of the seed's, side by side over both gateways. `ask` says what a client does about no answer. */
  async function open(
    person: Person,
    ids: readonly string[],
    seed: number,
    ask: (client: HttpClient, id: string) => Promise<HttpAnswer<Json> | undefined>,
  ): Promise<Round> {
    const next = random(seed);
    const clients = system.gatewayUrls.map((url) => person.client.at(url));
    const order = ids.map((id) => ({ id, rank: next(), client: clients[Math.floor(next() * clients.length)] as HttpClient }));
    const asked = order
      .toSorted((left, right) => left.rank - right.rank)
      .map(async ({ id, client }) => ({ id, answer: await ask(client, id) }));
    const round = { bodies: 0, cards: new Set<string>(), refusals: new Set<string>(), inDoubt: 0 };
    for (const { id, answer } of await Promise.all(asked)) {
      if (answer === undefined) round.inDoubt += 1;
      else if (answer.status === 200) {
        expect(answer.body['id']).toBe(id);
        round.bodies += 1;
        round.cards.add(id);
      } else round.refusals.add(outcomeOf(answer));
    }
    return round;
  }
  const untilAnswered = (client: HttpClient, id: string): Promise<HttpAnswer<Json>> =>
    persistently(() => client.get(`/v1/contacts/${id}`), 60_000);

  const limitTo = (max: number): Promise<void> =>
    staff.monitoring({
      limits: [{ measure: 'contact.opened', window: 'hour', max, action: 'deactivate', scope: { everyone: true } }],
    });
  const viewer = (): Promise<Person> => staff.person({ grants: { contact: { view: 'allowed' } } });
  const count = async (text: string, person: Person): Promise<number> =>
    (await database.query<{ count: number }>(text, [person.id])).rows[0]?.count ?? -1;
  const shown = (person: Person): Promise<number> =>
    count('SELECT count(DISTINCT subject_id)::int AS count FROM watch.disclosures WHERE user_id = $1', person);

  /** Held once, deactivated once in the log, told once; and what the monitor folded is what was shown. */
  async function expectOneCutOff(person: Person, seen: ReadonlySet<string>): Promise<void> {
    expect(await count('SELECT count(*)::int AS count FROM watch.holds WHERE user_id = $1', person)).toBe(1);
    const alarms =
      "SELECT count(*)::int AS count FROM monitor.alarms WHERE alarm->>'type' = 'user.deactivated' AND alarm->>'userId' = $1::text";
    const deactivations =
      "SELECT count(*)::int AS count FROM es.events WHERE stream = 'user-' || $1::text AND type = 'UserDeactivated'";
    for (const text of [alarms, deactivations])
      await eventually('the cut-off', async () => ((await count(text, person)) >= 1 ? true : undefined), 90_000);
    expect([await count(alarms, person), await count(deactivations, person)]).toEqual([1, 1]);
    await expectFolded(person);
    const { rows } = await database.query<{ id: string }>(
      'SELECT DISTINCT subject_id AS id FROM monitor.exposure WHERE user_id = $1',
      [person.id],
    );
    const ledger = new Set(rows.map(({ id }) => id));
    // A body that its client never got may stand in the ledger; none that was got may be missing.
    for (const id of seen) expect(ledger.has(id)).toBe(true);
  }

  async function expectFolded(person: Person): Promise<void> {
    const text = `
      SELECT (SELECT count(*)::int FROM watch.disclosures WHERE user_id = $1) AS opens,
        (SELECT count(DISTINCT (subject_id, at))::int FROM watch.disclosures WHERE user_id = $1) AS rows,
        (SELECT coalesce(sum(opens), 0)::int FROM monitor.windows
         WHERE user_id = $1 AND measure = 'contact.opened' AND "window" = 'day') AS folded,
        (SELECT count(*)::int FROM monitor.exposure WHERE user_id = $1) AS ledger,
        (SELECT count(*)::int FROM watch.wrong_tallies($1)) AS wrong`;
    const figures = async () =>
      (await database.query<Record<'opens' | 'rows' | 'folded' | 'ledger' | 'wrong', number>>(text, [person.id])).rows[0];
    await eventually(
      'the windows to be what the log says',
      async () => {
        const now = await figures();
        return now !== undefined && now.folded >= now.opens && now.ledger >= now.rows ? true : undefined;
      },
      120_000,
    );
    const now = await figures();
    expect(now).toMatchObject({ folded: now?.opens, ledger: now?.rows, wrong: 0 });
  }

  describe.each(LIMITS)('N = %i', (max) => {
    beforeAll(() => limitTo(max));

    it.each(SEEDS)('of 200 cards at once, exactly N bodies and one cut-off, seed %i', async (seed) => {
      const person = await viewer();
      const round = await open(person, cards, seed, untilAnswered);
      expect([round.bodies, round.cards.size]).toEqual([max, max]);
      expect([...round.refusals].filter((code) => code !== '401 unauthenticated')).toEqual(['403 view-limit-reached']);
      await expectOneCutOff(person, round.cards);
    });

    it.each(SEEDS)('of cards that come again, exactly N different ones, seed %i', async (seed) => {
      const person = await viewer();
      const next = random(seed * 7_919);
      // More different cards than N, each about twice.
      const some = cards.slice(0, Math.max(4, max + 40));
      const ids = Array.from({ length: OPENINGS }, () => some[Math.floor(next() * some.length)] as string);
      const different = new Set(ids).size;
      const round = await open(person, ids, seed, untilAnswered);
      expect(round.cards.size).toBe(Math.min(max, different));
      expect(await shown(person)).toBe(round.cards.size);
      if (different > max) await expectOneCutOff(person, round.cards);
    });
  });

  it.each(LIMITS)(
    'over kill -9 of a monitor, a gateway and the broker in the middle, never more than %i',
    async (max) => {
      await limitTo(max);
      const person = await viewer();
      const seed = max;
      let answers = 0;
      // As long as it is not known what became of an opening, it is asked for again: as another request, which counts by itself.
      const impatient = async (client: HttpClient, id: string): Promise<HttpAnswer<Json> | undefined> => {
        const given = await eventually(
          'an answer',
          async () => {
            const answer = await client.request<Json>('GET', `/v1/contacts/${id}`, { timeoutMs: 3_000 }).catch(() => undefined);
            return answer === undefined || answer.status === 503 ? undefined : answer;
          },
          90_000,
        );
        answers += 1;
        return given;
      };
      const opening = open(person, [...cards, ...cards], seed, impatient);
      await eventually('the middle', () => Promise.resolve(answers >= ANSWERED_BEFORE_KILLS ? true : undefined), 60_000);
      await Promise.all([system.kill('activity-monitor', 0), system.kill('access-gateway', 1), system.kill('nats')]);
      const round = await opening;
      await system.waitUntilReady(60_000);
      expect(round.cards.size).toBeLessThanOrEqual(max);
      // Whose body was lost with its gateway was counted: no card is served in its place.
      expect(await shown(person)).toBe(max);
      await expectOneCutOff(person, round.cards);
      await answered(200, staff.admin.get(`/v1/users/${person.id}`));
    },
    240_000,
  );
});
