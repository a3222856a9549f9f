import { randomUUID } from 'node:crypto';
import { watchEventSchema } from '#contracts';
import { contactLimit, GateDatabase, WAYS } from './gate-database.fixture.js';

const CONNECTIONS = 64;
let gate: GateDatabase;

beforeAll(async () => {
  gate = await GateDatabase.open(CONNECTIONS);
});
afterAll(() => gate.close());

describe.each(WAYS)('asked %s', (way) => {
  beforeEach(() => {
    gate.way = way;
    return gate.settings({ limits: [contactLimit(2)] });
  });

  describe('N, at any parallelism', () => {
    it.each([1, 20])('exactly %i distinct cards, one hold, one event that says so', async (max) => {
      await gate.settings({ limits: [contactLimit(max)] });
      const viewer = await gate.person();
      const cards = Array.from({ length: 40 }, () => randomUUID());
      const openings = Array.from({ length: 200 }, (_, index) => [cards[index % 40] as string]);
      const answers = await Promise.all(openings.map((subjects) => gate.admit({ viewer, subjects })));
      const served = openings.filter((_, index) => answers[index]?.decision === 'admitted').flat();
      expect(new Set(served).size).toBe(max);
      const events = await gate.events(viewer);
      expect(events.filter((event) => event.held)).toHaveLength(1);
      expect(events.filter((event) => event.type === 'view.refused')).toHaveLength(1);
      const { rows } = await gate.monitor.query('SELECT FROM watch.holds WHERE user_id = $1', [viewer]);
      expect(rows).toHaveLength(1);
    });

    it('rows of lists side by side never add up to more', async () => {
      await gate.settings({ limits: [contactLimit(100, { measure: 'list.rows', action: 'refuse' })] });
      const viewer = await gate.person();
      const list = () => Array.from({ length: 7 }, () => randomUUID());
      const asking = Array.from({ length: 64 }, () =>
        gate.admit({ viewer, measure: 'list.rows', kind: 'row', subjects: list() }),
      );
      const answers = await Promise.all(asking);
      expect(answers.filter(({ decision }) => decision === 'admitted')).toHaveLength(14);
    });

    it('two administrators over the limit at once: one stays', async () => {
      await gate.settings({ exemptAdmins: false, limits: [contactLimit(0)] });
      const admins = [await gate.person({ isAdmin: true }), await gate.person({ isAdmin: true })];
      await Promise.all(Array.from({ length: 40 }, (_, index) => gate.admit({ viewer: admins[index % 2] as string })));
      const { rows } = await gate.monitor.query('SELECT FROM watch.holds WHERE user_id = ANY ($1)', [admins]);
      expect(rows).toHaveLength(1);
      await gate.core.query('DELETE FROM read.principals WHERE is_admin');
    });
  });

  describe('a limit for a role', () => {
    it('holds for whoever has it by his department or one above, and ends with it', async () => {
      const [role, top, below, lost] = Array.from({ length: 4 }, () => randomUUID()) as [string, string, string, string];
      await gate.settings({
        limits: [contactLimit(5, { action: 'refuse' }), contactLimit(0, { action: 'refuse', scope: { roleIds: [role] } })],
      });
      await gate.core.query(
        `INSERT INTO read.departments (id, name, parent_id, role_ids, version)
       VALUES ($1, 'Top', NULL, ARRAY[$4::uuid], 1), ($2, 'Below', $1, '{}', 1), ($3, 'Lost', gen_random_uuid(), ARRAY[$4::uuid], 1)`,
        [top, below, lost, role],
      );
      const within = async (departmentId: string): Promise<string> => {
        const viewer = await gate.person();
        await gate.core.query('UPDATE read.principals SET department_id = $2 WHERE user_id = $1', [viewer, departmentId]);
        await gate.raiseAuthz();
        return viewer;
      };
      const decision = async (viewer: string): Promise<string> => (await gate.admit({ viewer })).decision;
      const person = await within(below);
      const own = await gate.person({ roleIds: [role] });
      expect(await Promise.all([person, await within(top), own].map(decision))).toEqual(['refused', 'refused', 'refused']);
      const { rows } = await gate.monitor.query('SELECT max FROM watch.standings($1)', [person]);
      expect(rows).toEqual([{ max: 0 }]);
      // A way up that ends nowhere gives no roles, and the limit of everybody holds.
      expect(await Promise.all([gate.person(), within(lost)].map(async (viewer) => decision(await viewer)))).toEqual([
        'admitted',
        'admitted',
      ]);
      await gate.core.query(`UPDATE read.departments SET role_ids = '{}' WHERE id = $1`, [top]);
      await gate.raiseAuthz();
      expect(await decision(person)).toBe('admitted');
    });
  });

  describe('a request again', () => {
    it('is the same disclosure', async () => {
      const viewer = await gate.person();
      const again = { viewer, subjects: [randomUUID()], request: randomUUID() };
      const answers = await Promise.all(Array.from({ length: 20 }, () => gate.admit(again)));
      expect(answers.every(({ decision }) => decision === 'admitted')).toBe(true);
      expect(await gate.events(viewer)).toHaveLength(1);
    });

    it('is the same refusal, also when the limit has been raised', async () => {
      await gate.settings({ limits: [contactLimit(0, { action: 'refuse' })] });
      const again = { viewer: await gate.person(), request: randomUUID() };
      const first = await gate.admit(again);
      await gate.settings({ limits: [] });
      expect(await gate.admit(again)).toEqual(first);
      expect(await gate.admit({ viewer: again.viewer })).toMatchObject({ decision: 'admitted' });
    });

    it('with another card is another disclosure', async () => {
      const viewer = await gate.person();
      const request = randomUUID();
      await gate.admit({ viewer, request });
      await gate.admit({ viewer, request });
      expect(await gate.admit({ viewer, request })).toMatchObject({ decision: 'refused', max: 2, count: 2 });
    });
  });

  describe('after the hold', () => {
    it('the further attempts of a minute are a number; another epoch starts anew', async () => {
      const viewer = await gate.person();
      for (let opening = 0; opening < 8; opening += 1) await gate.admit({ viewer });
      await gate.monitor.query('SELECT watch.add_up_refusals()');
      const { rows } = await gate.monitor.query('SELECT held, further FROM watch.refusals WHERE user_id = $1', [viewer]);
      expect(rows).toEqual([{ held: true, further: 5 }]);
      const held = async () => (await gate.gateway.query('SELECT watch.is_held($1) AS held', [viewer])).rows;
      expect(await held()).toEqual([{ held: true }]);
      await gate.person({ userId: viewer, epoch: 2 });
      expect(await held()).toEqual([{ held: false }]);
      expect(await gate.admit({ viewer })).toMatchObject({ decision: 'admitted' });
      expect(await gate.admit({ viewer })).toMatchObject({ decision: 'admitted' });
      expect(await gate.admit({ viewer })).toMatchObject({ decision: 'refused' });
    });

    it('a refusal minutes later is told again, without holding again', async () => {
      const viewer = await gate.person();
      for (let opening = 0; opening < 3; opening += 1) await gate.admit({ viewer });
      await gate.superuser.query("UPDATE watch.refusals SET at = at - interval '2 minutes' WHERE user_id = $1", [viewer]);
      await Promise.all(Array.from({ length: 30 }, () => gate.admit({ viewer })));
      const refusals = (await gate.events(viewer)).filter((event) => event.type === 'view.refused');
      expect(refusals.map((event) => event.held)).toEqual([true, false]);
    });
  });

  describe('fails closed', () => {
    it('for a person who is not known, not active, or has no settings', async () => {
      expect(await gate.admit({ viewer: randomUUID() })).toMatchObject({ decision: 'inactive' });
      const viewer = await gate.person({ status: 'deactivated' });
      expect(await gate.admit({ viewer })).toMatchObject({ decision: 'inactive' });
      const { rows } = await gate.core.query('DELETE FROM read.security RETURNING *');
      const unset = await gate.admit({ viewer: await gate.person() });
      await gate.core.query('INSERT INTO read.security SELECT (jsonb_populate_record(NULL::read.security, $1)).*', [
        JSON.stringify(rows[0]),
      ]);
      expect(unset).toMatchObject({ decision: 'refused', measure: null });
    });

    it('on a transaction whose view of the data is older than the lock', async () => {
      const viewer = await gate.person();
      const client = await gate.gateway.connect();
      try {
        await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
        await expect(gate.admit({ viewer }, client)).rejects.toThrow(/^watch\.admit(_each)? needs READ COMMITTED$/);
      } finally {
        await client.query('ROLLBACK');
        client.release();
      }
    });

    it.each([
      ['no measure of the log', { measure: 'card.opened' }],
      ['no kind', { kind: 'glance' }],
      ['an opening of two cards', { subjects: [randomUUID(), randomUUID()] }],
      ['an opening of none', { subjects: [] }],
    ])('on %s, without quoting it', async (_, wrong) => {
      const viewer = await gate.person();
      await expect(gate.admit({ viewer, ...wrong })).rejects.toThrow(/^watch\.admit(_each)?: the arguments are not valid$/);
    });
  });

  it('an empty list is served and leaves nothing', async () => {
    const viewer = await gate.person();
    expect(await gate.admit({ viewer, measure: 'list.rows', kind: 'row', subjects: [] })).toMatchObject({ decision: 'admitted' });
    expect(await gate.events(viewer)).toEqual([]);
  });

  it('events are as the contract has them', async () => {
    const viewer = await gate.person();
    for (let opening = 0; opening < 3; opening += 1) await gate.admit({ viewer });
    const events = await gate.events(viewer);
    for (const event of events) expect(watchEventSchema.safeParse(event).error).toBeUndefined();
    expect(events.map((event) => [event.type, event.limits.map(({ count }) => count), event.refusedBy?.count ?? null])).toEqual([
      ['card.viewed', [], null],
      ['card.viewed', [2], null],
      ['view.refused', [], 2],
    ]);
  });
});

describe('rights', () => {
  const permissionDenied = { code: '42501' };

  it.each([
    'SELECT * FROM watch.disclosures',
    'INSERT INTO watch.outbox (id) VALUES (gen_random_uuid())',
    'UPDATE watch.outbox SET id = gen_random_uuid()',
    'SELECT * FROM watch.outbox_queue',
    'SELECT * FROM watch.person_limits',
    'SELECT * FROM watch.kept_tallies',
    "SELECT watch.weigh(gen_random_uuid(), 'list.rows', 'row', 'contact', '{}', gen_random_uuid(), NULL, NULL, NULL, true)",
    "SELECT watch.keep_tally(gen_random_uuid(), 'list.rows')",
    'DELETE FROM watch.holds',
    'DELETE FROM watch.refusals',
    "SELECT watch.hold(gen_random_uuid(), 1, '{}', now())",
    'SELECT * FROM monitor.alarms',
  ])('the gateway may not: %s', async (statement) => {
    await expect(gate.gateway.query(statement)).rejects.toMatchObject(permissionDenied);
  });

  it('core may ask the gate and read nothing of it', async () => {
    await expect(gate.core.query('SELECT * FROM watch.outbox')).rejects.toMatchObject(permissionDenied);
    await expect(gate.core.query('SELECT * FROM watch.disclosures')).rejects.toMatchObject(permissionDenied);
    expect(
      await gate.admit({ viewer: await gate.person(), measure: 'record.deleted', kind: 'deletion' }, gate.core),
    ).toMatchObject({
      decision: 'admitted',
    });
  });

  it('the monitor may not read names it does not need, nor the log of events', async () => {
    await expect(gate.monitor.query('SELECT email FROM read.users')).rejects.toMatchObject(permissionDenied);
    await expect(gate.monitor.query('SELECT * FROM read.contacts')).rejects.toMatchObject(permissionDenied);
    await expect(gate.monitor.query('SELECT * FROM es.events')).rejects.toMatchObject(permissionDenied);
  });
});
