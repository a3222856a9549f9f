import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import type { Limit, LimitStanding, SecuritySettings } from '#contracts';
import { contactLimit, GateDatabase, type Admission, type Asking } from './gate-database.fixture.js';
import { admit, amountOf, windowStart, type CountedDisclosure, type GateState } from './gate.rules.js';

/** Several requests in one transaction: each must be answered, and recorded, as it would be alone, in the order given. */
let gate: GateDatabase;
beforeAll(async () => {
  gate = await GateDatabase.open(24);
  await gate.person({ isAdmin: true }); // So that nobody is the last administrator.
});
afterAll(() => gate.close());

const CARDS = Array.from({ length: 9 }, () => randomUUID());
const PEOPLE = 3;
const decisionsOf = (answers: readonly (Admission | undefined)[]): (string | undefined)[] =>
  answers.map((answer) => answer?.decision);
const asks = (viewer: string, count: number): Asking[] => Array.from({ length: count }, () => ({ viewer }));
const recorded = async (viewer: string): Promise<number> => {
  const { rows } = await gate.monitor.query<{ count: number }>(
    'SELECT count(*)::integer AS count FROM watch.disclosures WHERE user_id = $1',
    [viewer],
  );
  return rows[0]?.count ?? -1;
};

interface Ask {
  readonly person: number;
  readonly measure: 'contact.opened' | 'deal.opened' | 'list.rows';
  readonly card: number;
  readonly rows: number;
  /** The same request as the one before it in its batch, if there is one. */
  readonly again: boolean;
}
const ask: fc.Arbitrary<Ask> = fc.record({
  person: fc.integer({ min: 0, max: PEOPLE - 1 }),
  measure: fc.constantFrom('contact.opened', 'contact.opened', 'contact.opened', 'deal.opened', 'list.rows'),
  card: fc.integer({ min: 0, max: CARDS.length - 1 }),
  rows: fc.integer({ min: 0, max: 3 }),
  again: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});
const batches = fc.array(fc.array(ask, { minLength: 1, maxLength: 9 }), { minLength: 2, maxLength: 6 });
const limit = fc.record({
  measure: fc.constantFrom('contact.opened', 'contact.opened', 'deal.opened', 'list.rows', 'card.opened'),
  window: fc.constantFrom('hour', 'day'),
  max: fc.integer({ min: 1, max: 14 }),
  action: fc.constantFrom('deactivate', 'refuse', 'alert'),
  scope: fc.constant({ everyone: true as const }),
}) satisfies fc.Arbitrary<Limit>;
const monitorings = fc.record({
  enabled: fc.constant(true),
  exemptAdmins: fc.constant(true),
  windowing: fc.constantFrom('rolling', 'calendar'),
  counting: fc.constantFrom('distinct', 'opens'),
  limits: fc.array(limit, { maxLength: 3 }),
});

/** What the rules know of one person, going on with each answer. */
class Model {
  private disclosures: CountedDisclosure[] = [];
  private heldBy: LimitStanding | undefined;
  private readonly answers = new Map<string, object>();
  rows = 0;

  constructor(
    readonly userId: string,
    private readonly monitoring: SecuritySettings['activityMonitoring'],
  ) {}

  state(): GateState {
    const { userId, monitoring, disclosures, heldBy } = this;
    return {
      ...{ status: 'active', isAdmin: false, userId, roleIds: [], epoch: 1, heldBy, isLastAdministrator: false },
      ...{ timeZone: 'Europe/Moscow', monitoring, disclosures },
    };
  }

  answer({ measure, subjects, request }: Required<Asking>, at: number): object {
    const key = `${request} ${measure} ${subjects.join()}`;
    const before = this.answers.get(key);
    if (before !== undefined && this.heldBy === undefined) return before;
    const asked = { measure: measure as Ask['measure'], subjectIds: subjects, at };
    const decided = admit(this.state(), asked);
    if (decided.decision === 'refused') {
      if (decided.holds) this.heldBy = decided.by;
      return { decision: 'refused', ...decided.by };
    }
    if (amountOf(asked) > 0) {
      const subjectId = measure === 'list.rows' ? undefined : subjects[0];
      this.disclosures.push({ at, epoch: 1, measure: asked.measure, subjectId, amount: amountOf(asked) });
      this.rows += 1;
      this.answers.set(key, { decision: 'admitted' });
    }
    return { decision: 'admitted' };
  }
}

const shown = (answer: Admission | undefined): object | undefined => {
  if (answer?.decision !== 'refused') return answer && { decision: answer.decision };
  const { decision, measure, window, action, max, count } = answer;
  return { decision, measure, window, action, max, count };
};

function asking(people: readonly Model[], one: Ask, before: Required<Asking> | undefined): Required<Asking> {
  const isList = one.measure === 'list.rows';
  if (one.again && before !== undefined) return before;
  const subjects = isList ? Array.from({ length: one.rows }, () => randomUUID()) : [CARDS[one.card] as string];
  const viewer = people[one.person]?.userId ?? '';
  return { viewer, measure: one.measure, kind: isList ? 'row' : 'card', subjects, request: randomUUID() };
}

it('batches of several people, the same one several times, say and record what the rules say one after another', async () => {
  await fc.assert(
    fc.asyncProperty(monitorings, batches, async (monitoring, sent) => {
      await gate.settings(monitoring);
      const viewers = await Promise.all(Array.from({ length: PEOPLE }, () => gate.person()));
      const people = viewers.map((viewer) => new Model(viewer, monitoring));
      fc.pre(monitoring.windowing === 'rolling' || !isNearEdge(people[0] as Model));
      for (const batch of sent) {
        const askings: Required<Asking>[] = [];
        for (const one of batch) askings.push(asking(people, one, askings.at(-1)));
        const now = Date.now();
        const expected = askings.map((one) => people.find(({ userId }) => userId === one.viewer)?.answer(one, now));
        expect((await gate.admitEach(askings)).map(shown)).toEqual(expected);
      }
      for (const { userId, rows } of people) {
        expect(await recorded(userId)).toBe(rows);
        expect((await gate.monitor.query('SELECT * FROM watch.wrong_tallies($1)', [userId])).rows).toEqual([]);
        expect((await gate.events(userId)).filter(({ type }) => type !== 'view.refused')).toHaveLength(rows);
      }
    }),
    { numRuns: 40 },
  );
});

function isNearEdge(model: Model): boolean {
  const now = Date.now();
  return (['hour', 'day'] as const).some(
    (window) => windowStart(window, model.state(), now + 5_000) !== windowStart(window, model.state(), now),
  );
}

it('over four gateways at once: of each person exactly N, and one hold', async () => {
  await gate.settings({ limits: [contactLimit(15)] });
  const viewers = await Promise.all(Array.from({ length: 5 }, () => gate.person()));
  const gateways = Array.from({ length: 4 }, () => gate.batches());
  const answers = await Promise.all(
    Array.from({ length: 400 }, async (_, n) => {
      const viewer = viewers[n % viewers.length] as string;
      const [alike] = [{ subjectType: 'contact', session: null, token: null, ip: null, masked: true } as const];
      const opening = { measure: 'contact.opened', kind: 'card', subjects: [randomUUID()], request: randomUUID() } as const;
      const { decision } = await (gateways[n % gateways.length] as (typeof gateways)[number]).ask({
        viewer,
        ...opening,
        ...alike,
      });
      return { viewer, decision };
    }),
  );
  for (const viewer of viewers) {
    const served = answers.filter((answer) => answer.viewer === viewer && answer.decision === 'admitted');
    expect([served.length, await recorded(viewer)]).toEqual([15, 15]);
    const { rows } = await gate.monitor.query('SELECT FROM watch.holds WHERE user_id = $1', [viewer]);
    expect(rows).toHaveLength(1);
  }
});

describe('a batch', () => {
  beforeEach(() => gate.settings({ limits: [contactLimit(10)] }));

  it('counts N of one person who asks N + 1 times in it', async () => {
    const [viewer, other] = [await gate.person(), await gate.person()];
    const answers = await gate.admitEach([...asks(viewer, 5), { viewer: other }, ...asks(viewer, 6)]);
    expect(decisionsOf(answers)).toEqual([...Array<string>(11).fill('admitted'), 'refused']);
    expect(answers.at(-1)).toMatchObject({ max: 10, count: 10 });
  });

  it('waits for nobody: whose lock is taken stays undecided, the others are served', async () => {
    const [held, free] = [await gate.person(), await gate.person()];
    const client = await gate.monitor.connect();
    try {
      await client.query('BEGIN');
      await client.query('SELECT watch.lock_viewer($1)', [held]);
      expect(decisionsOf(await gate.admitEach([{ viewer: held }, { viewer: free }, { viewer: held }]))).toEqual([
        undefined,
        'admitted',
        undefined,
      ]);
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
    expect([await recorded(held), await recorded(free)]).toEqual([0, 1]);
  });

  it('with one bad row changes nothing; then each has his own answer', async () => {
    const viewers = [await gate.person(), await gate.person(), await gate.person()];
    // The first two are plain from their second opening on.
    await gate.admitEach(viewers.map((viewer) => ({ viewer })));
    const bad = { viewer: viewers[2] as string, kind: 'glance' };
    await expect(gate.admitEach([...viewers.slice(0, 2).map((viewer) => ({ viewer })), bad])).rejects.toMatchObject({
      code: '22023',
    });
    expect(await Promise.all(viewers.map(recorded))).toEqual([1, 1, 1]);
    gate.way = 'together';
    const outcomes = await Promise.allSettled([...viewers.slice(0, 2).map((viewer) => gate.admit({ viewer })), gate.admit(bad)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(await Promise.all(viewers.map(recorded))).toEqual([2, 2, 1]);
  });

  it.each(['free', 'taken'] as const)(
    'is refused whole when its parts do not fit together, and quotes nothing, with the lock of its viewer %s',
    async (lock) => {
      const viewer = await gate.person();
      const parts = (ends: string, subjects: string): Promise<unknown> =>
        gate.gateway.query(
          `SELECT * FROM watch.admit_each(ARRAY[$1::uuid, $1], '{list.rows,list.rows}', '{row,row}', '{contact,contact}', $2, $3,
             ARRAY[gen_random_uuid(), gen_random_uuid()], '{NULL,NULL}', '{NULL,NULL}', '{NULL,NULL}', '{true,true}')`,
          [viewer, subjects, ends],
        );
      const [one, two] = [`{${CARDS[0]}}`, `{${CARDS[0]},${CARDS[1]}}`];
      const holder = await gate.monitor.connect();
      try {
        await holder.query('BEGIN');
        if (lock === 'taken') await holder.query('SELECT watch.lock_viewer($1)', [viewer]);
        for (const [ends, subjects] of [
          ['{1}', one],
          ['{1,1}', two],
          ['{2,1}', one],
          ['{NULL,1}', one],
        ] as const) {
          await expect(parts(ends, subjects)).rejects.toThrow(/^watch.admit_each: the arguments are not valid$/);
        }
      } finally {
        await holder.query('ROLLBACK');
        holder.release();
      }
      expect(await recorded(viewer)).toBe(0);
    },
  );

  it('tells further attempts of who is held in one row, without the lock and without waiting for the disk', async () => {
    const viewer = await gate.person();
    await gate.admitEach(asks(viewer, 11));
    const client = await gate.gateway.connect();
    const holder = await gate.monitor.connect();
    try {
      await holder.query('BEGIN');
      await holder.query('SELECT watch.lock_viewer($1)', [viewer]);
      await client.query('BEGIN');
      const answers = await gate.admitEach(asks(viewer, 40), client);
      expect(answers.map(shown)).toEqual(
        Array(40).fill({
          ...{ decision: 'refused', measure: 'contact.opened', window: 'hour' },
          action: 'deactivate',
          max: 10,
          count: 10,
        }),
      );
      expect((await client.query('SHOW synchronous_commit')).rows).toEqual([{ synchronous_commit: 'off' }]);
      await client.query('COMMIT');
    } finally {
      await holder.query('ROLLBACK');
      holder.release();
      client.release();
    }
    const { rows } = await gate.monitor.query(
      'SELECT f.attempts FROM watch.further_refusals AS f JOIN watch.refusals AS r ON r.id = f.refusal_id WHERE r.user_id = $1',
      [viewer],
    );
    expect(rows).toEqual([{ attempts: 40 }]);
    await gate.monitor.query('SELECT watch.add_up_refusals()');
    const further = await gate.monitor.query('SELECT held, further FROM watch.refusals WHERE user_id = $1', [viewer]);
    expect(further.rows).toEqual([{ held: true, further: 40 }]);
  });

  it.each(['deactivate', 'refuse'] as const)(
    'with an admission in it is on disk before it is answered, whoever else is refused by %s',
    async (action) => {
      await gate.settings({ limits: [contactLimit(10, { action })] });
      const [refused, fresh, plain] = [await gate.person(), await gate.person(), await gate.person()];
      await gate.admitEach([...asks(refused, 12), { viewer: plain }]);
      // Who asks for the first time goes through watch.admit, the other does not.
      for (const admitted of [fresh, plain]) {
        for (const order of [
          [refused, admitted],
          [admitted, refused],
        ]) {
          const client = await gate.gateway.connect();
          try {
            await client.query('BEGIN');
            const answers = await gate.admitEach(
              order.map((viewer) => ({ viewer })),
              client,
            );
            expect(decisionsOf(answers).sort()).toEqual(['admitted', 'refused']);
            expect((await client.query('SHOW synchronous_commit')).rows).toEqual([{ synchronous_commit: 'on' }]);
            await client.query('COMMIT');
          } finally {
            client.release();
          }
        }
      }
    },
  );
});
