import { randomUUID } from 'node:crypto';
import { Kysely, PostgresDialect } from 'kysely';
import { MEASURES, type ExposureReply, type Limit, type MonitoredUser } from '#contracts';
import { contactLimit, GateDatabase } from '../gate/gate-database.fixture.js';
import { turnLedgerMonths } from '../ledger/ledger-months.js';
import { queryExposure } from './exposure.query.js';
import { queryUsers } from './users.query.js';

let gate: GateDatabase;
let db: Kysely<unknown>;
beforeAll(async () => {
  gate = await GateDatabase.open();
  db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: gate.monitor }) });
});
afterAll(() => gate.close());

type Asked = Partial<Parameters<typeof queryExposure>[1]>;
const asked = (query: Asked): Promise<ExposureReply> =>
  queryExposure(db, { userId: null, subjectId: null, from: null, to: null, limit: 200, cursor: null, counted: true, ...query });

/** Rows as folded: of one disclosure each. */
async function shown(rows: readonly { at: string; userId: string; subjectId: string; kind?: string }[]): Promise<void> {
  for (const { at } of rows) await gate.monitor.query('SELECT monitor.ensure_exposure_partition($1)', [at]);
  await gate.monitor.query(
    `INSERT INTO monitor.exposure (at, disclosure_id, subject_id, subject_type, user_id, measure, kind, masked)
     SELECT r.at, uuidv7(), r."subjectId", 'contact', r."userId", 'contact.opened', coalesce(r.kind, 'card'), true
     FROM jsonb_to_recordset($1) AS r(at timestamptz, "userId" uuid, "subjectId" uuid, kind text)`,
    [JSON.stringify(rows)],
  );
}

const months = async (): Promise<string[]> => {
  const { rows } = await gate.monitor.query<{ name: string }>(
    `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'monitor.exposure'::regclass ORDER BY 1`,
  );
  return rows.map(({ name }) => name.replace('monitor.exposure_', ''));
};

describe('the ledger', () => {
  const [manager, colleague, card, other] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
  beforeAll(() =>
    shown([
      { at: '2025-01-31T23:59:59.999999Z', userId: manager, subjectId: card },
      { at: '2025-02-01T00:00:00Z', userId: manager, subjectId: card, kind: 'reveal' },
      { at: '2025-02-10T00:00:00Z', userId: manager, subjectId: other },
      { at: '2025-02-10T00:00:00Z', userId: colleague, subjectId: card, kind: 'row' },
      { at: '2025-02-11T00:00:00Z', userId: manager, subjectId: other, kind: 'deletion' },
      { at: '2025-03-01T00:00:00Z', userId: manager, subjectId: other },
    ]),
  );
  const kinds = ({ items }: ExposureReply): string[] => items.map(({ kind }) => kind);

  it.each<[string, Asked, string[], number, number]>([
    ['of a person', { userId: manager }, ['card', 'card', 'reveal', 'card'], 2, 1],
    [
      'of a person in a month',
      { userId: manager, from: '2025-02-01T00:00:00Z', to: '2025-03-01T00:00:00Z' },
      ['card', 'reveal'],
      2,
      1,
    ],
    ['of a record', { subjectId: card }, ['row', 'reveal', 'card'], 1, 2],
    ['of both', { userId: manager, subjectId: card }, ['reveal', 'card'], 1, 1],
    ['of a period', { from: '2025-02-10T00:00:00Z', to: '2025-03-01T00:00:00+01:00' }, ['card', 'row'], 2, 2],
    ['of nobody', { userId: randomUUID() }, [], 0, 0],
  ])('%s: newest first, counted exactly, and nothing that was not shown', async (_, query, expected, subjects, users) => {
    const reply = await asked(query);
    expect([kinds(reply).toSorted(), reply.distinctSubjects, reply.distinctUsers]).toEqual([
      expected.toSorted(),
      subjects,
      users,
    ]);
    expect(reply.items.map(({ at }) => at)).toEqual(
      reply.items
        .map(({ at }) => at)
        .toSorted()
        .reverse(),
    );
    const paged: string[] = [];
    let cursor: string | null = null;
    do {
      const page: ExposureReply = await asked({ ...query, limit: 1, cursor });
      expect(page.distinctSubjects).toBe(subjects);
      paged.push(...kinds(page));
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(paged).toEqual(kinds(reply));
  });

  it('of nobody and no period, and behind a place that is none, is not asked for', async () => {
    await expect(asked({ from: '2025-02-01T00:00:00Z' })).rejects.toThrow('malformed-request');
    await expect(asked({ userId: manager, cursor: 'abc' })).rejects.toThrow('invalid-cursor');
  });

  it('of months to come is made ahead, by several at once; of months past keeping it is gone, whole', async () => {
    await shown([{ at: '2019-05-31T23:59:59Z', userId: manager, subjectId: card }]);
    const turn = (retentionMonths: number): Promise<readonly string[]> => turnLedgerMonths({ db, retentionMonths });
    const now = new Date();
    const name = (ahead: number): string =>
      new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1)).toISOString().slice(0, 7).replace('-', '_');
    const kept = (now.getUTCFullYear() - 2025) * 12 + now.getUTCMonth() - 1;
    const dropped = await Promise.all([turn(kept), turn(kept), turn(kept)]);
    expect(dropped.flat().toSorted()).toEqual(['exposure_2019_05', 'exposure_2025_01']);
    expect(await months()).toEqual(expect.arrayContaining(['2025_02', name(0), name(1), name(2), name(3)]));
    expect(await months()).not.toContain('2025_01');
    expect(kinds(await asked({ userId: manager }))).toEqual(['card', 'card', 'reveal']);
  });

  it('that somebody is reading stays until he has read it, and holds up nobody for longer than two seconds', async () => {
    const old = { at: '2018-05-31T23:59:59Z', userId: colleague, subjectId: randomUUID() };
    await shown([old]);
    const turn = (): Promise<readonly string[]> => turnLedgerMonths({ db, retentionMonths: 90 });
    const reader = await gate.monitor.connect();
    try {
      await reader.query('BEGIN');
      expect((await reader.query('SELECT FROM monitor.exposure WHERE at = $1', [old.at])).rowCount).toBe(1);
      const [refused, other] = await Promise.allSettled([turn(), asked({ subjectId: old.subjectId })]);
      expect(refused).toMatchObject({ status: 'rejected', reason: { code: '55P03' } });
      expect(other).toMatchObject({ status: 'fulfilled', value: { distinctSubjects: 1 } });
      expect(await months()).toContain('2018_05');
      await reader.query('COMMIT');
    } finally {
      reader.release();
    }
    expect(await turn()).toEqual(['exposure_2018_05']);
    expect((await asked({ subjectId: old.subjectId })).items).toEqual([]);
  });
});

describe('the live view', () => {
  const named = async (userId: string, name: string): Promise<void> => {
    await gate.core.query(
      `INSERT INTO read.users (id, email, name, status, is_admin, created_at, updated_at, version)
       VALUES ($1, $3, $2, 'active', false, now(), now(), 1)`,
      [userId, name, `${userId}@example.test`],
    );
  };
  const view = async (query: Partial<Parameters<typeof queryUsers>[1]>): Promise<readonly MonitoredUser[]> => {
    const all = { limit: 200, afterId: null, userId: null, activeWithinSeconds: null };
    return (await queryUsers(db, { ...all, ...query })).items;
  };
  const person = async (name = 'Somebody', principal = {}): Promise<string> => {
    const userId = await gate.person(principal);
    await named(userId, name);
    return userId;
  };

  it('counts as the gate does: what it tells of a limit is what the gate refuses by', async () => {
    const roleId = randomUUID();
    const viewer = await person('Counted', { roleIds: [roleId] });
    const written = MEASURES.filter((measure) => measure !== 'card.opened');
    const limits = written.map((measure): Limit => ({ ...contactLimit(3, { action: 'refuse' }), measure }));
    // Narrower ones, and ones beside them.
    limits.push({ ...contactLimit(4, { action: 'refuse' }), measure: 'deal.opened', scope: { roleIds: [roleId] } });
    limits.push({ ...contactLimit(5, { action: 'refuse' }), measure: 'list.rows', scope: { userIds: [viewer] }, window: 'hour' });
    limits.push({ ...contactLimit(1, { action: 'alert' }), measure: 'card.opened', window: 'day' });
    for (const [windowing, counting] of [
      ['rolling', 'distinct'],
      ['calendar', 'opens'],
    ] as const) {
      await gate.settings({ limits, windowing, counting });
      for (const measure of written) {
        let answer = await gate.admit({ viewer, measure });
        for (let asking = 0; answer.decision === 'admitted' && asking < 10; asking += 1)
          answer = await gate.admit({ viewer, measure });
        const [now] = await view({ userId: viewer });
        const told = now?.measures.find((one) => one.measure === measure && one.action === 'refuse');
        expect([measure, told]).toEqual([
          measure,
          expect.objectContaining({ count: answer.count, max: answer.max, window: answer.window }),
        ]);
      }
      const [now] = await view({ userId: viewer });
      expect(now?.measures).toHaveLength(written.length + 1);
      const cards = now?.measures.find(({ measure }) => measure === 'card.opened');
      expect(cards).toMatchObject({ window: 'day', action: 'alert', max: 1, count: 10 });
    }
    await gate.settings({ limits, enabled: false });
    expect(await view({ userId: viewer })).toMatchObject([{ state: 'active', measures: [] }]);
  });

  it('goes on behind a person, whatever the names, and shows how each stands', async () => {
    await gate.settings({ limits: [contactLimit(0)] });
    const ids: string[] = [];
    for (const name of ['Вера', 'Anna', 'Anna', 'Борис']) ids.push(await person(name));
    await person('Invited', { status: 'invited' });
    const [first = '', second = ''] = ids;
    await gate.admit({ viewer: first });
    await gate.person({ userId: second, status: 'deactivated' });
    const paged: MonitoredUser[] = [];
    for (let afterId: string | null = null; ;) {
      const page: readonly MonitoredUser[] = await view({ limit: 1, afterId });
      paged.push(...page);
      afterId = page.at(-1)?.userId ?? null;
      if (afterId === null) break;
    }
    const all = await view({});
    expect(paged).toEqual(all.map((user) => ({ ...user, measures: expect.anything() as unknown })));
    expect(all.map(({ userId }) => userId)).toEqual(expect.arrayContaining(ids));
    expect(all.map(({ name }) => name)).not.toContain('Invited');
    const states = new Map(all.map(({ userId, state }) => [userId, state]));
    expect(ids.map((id) => states.get(id))).toEqual(['held', 'deactivated', 'active', 'active']);
    await expect(view({ afterId: randomUUID() })).rejects.toThrow('invalid-cursor');
  });

  it('finds those who acted lately', async () => {
    await gate.settings({ limits: [] });
    const [busy, idle] = [await person(), await person()];
    await gate.admit({ viewer: busy });
    const found = (await view({ activeWithinSeconds: 60 })).map(({ userId }) => userId);
    expect(found).toContain(busy);
    expect(found).not.toContain(idle);
  });
});
