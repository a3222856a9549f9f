import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { startSystem, type System } from '#testing';
import { answered, everyRow, Staff } from '../journeys/staff.js';

const PEOPLE = 500;
const RECORDS = 100_000;
/** Rows of one person a month: in all 5 million a year. */
const ROWS_A_MONTH = 840;
const MOST = 1_000_000;
const YEAR = 2024;
const VIEWED = 10_000;
const FILL_WITHIN_MS = 1_800_000;

interface Ledger {
  readonly items: readonly unknown[];
  readonly distinctSubjects: number;
  readonly distinctUsers: number;
}
const idOf = (kind: string, number: number): string =>
  `${kind.padEnd(8, '0')}-0000-7000-8000-${String(number).padStart(12, '0')}`;
const march = `from=${YEAR}-03-01T00:00:00Z&to=${YEAR}-04-01T00:00:00Z`;

describe('a year of the ledger of 500 people, and the live view of 10,000', () => {
  let system: System;
  let staff: Staff;
  let database: pg.Client;

  beforeAll(async () => {
    system = await startSystem();
    staff = await Staff.of(system);
    database = new pg.Client({ connectionString: system.connections.database.superuser });
    await database.connect();
    await database.query('SET synchronous_commit = off');
    for (let month = 1; month <= 12; month += 1) await fillMonth(month);
    await fillMost();
    await fillPeople();
    await database.query('VACUUM (ANALYZE) monitor.exposure');
  }, FILL_WITHIN_MS);
  afterAll(async () => {
    await database?.end();
    await system?.stop();
  });

  /** In the order of time, as it is folded: of each person's look some rows of lists and some cards. */
  async function fillMonth(month: number): Promise<void> {
    const start = new Date(Date.UTC(YEAR, month - 1, 1)).toISOString();
    await database.query('SELECT monitor.ensure_exposure_partition($1)', [start]);
    await database.query(
      `INSERT INTO monitor.exposure (at, disclosure_id, subject_id, subject_type, user_id, measure, kind, masked, ip, session_id)
       SELECT $1::timestamptz + n * interval '50 minutes' + p * interval '1 second', md5(p || '/' || n / 20 || $1)::uuid,
         ('cccccccc-0000-7000-8000-' || lpad(((p * 7919 + n * 104729 + $4 * 1299709) % $3)::text, 12, '0'))::uuid, 'contact',
         ('aaaaaaaa-0000-7000-8000-' || lpad(p::text, 12, '0'))::uuid, 'list.rows', CASE WHEN n % 20 < 10 THEN 'row' ELSE 'card' END,
         true, '203.0.113.7', md5(p || $1)::uuid
       FROM generate_series(0, $5 - 1) AS n, generate_series(1, $2::integer) AS p`,
      [start, PEOPLE, RECORDS, month, ROWS_A_MONTH],
    );
  }
  /** One who took a million different records along in March. */
  async function fillMost(): Promise<void> {
    await database.query(
      `INSERT INTO monitor.exposure (at, disclosure_id, subject_id, subject_type, user_id, measure, kind, masked)
       SELECT make_timestamptz($1, 3, 2, 0, 0, 0, 'UTC') + n / 10000 * interval '1 minute', md5('export' || n / 10000)::uuid,
         ('dddddddd-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'contact', $2, 'record.exported', 'export', true
       FROM generate_series(0, $3 - 1) AS n`,
      [YEAR, idOf('bbbbbbbb', 1), MOST],
    );
  }
  async function fillPeople(): Promise<void> {
    await database.query(
      `INSERT INTO read.users (id, email, name, status, is_admin, created_at, updated_at, version)
       SELECT ('eeeeeeee-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, n || '@many.test', 'Person ' || n, 'active', false, now(), now(), 1
       FROM generate_series(1, $1::integer) AS n`,
      [VIEWED],
    );
    await database.query(
      `INSERT INTO read.principals (user_id, status, is_admin, epoch, epoch_since, version)
       SELECT id, 'active', false, 1, now() - interval '1 day', 1 FROM read.users WHERE email LIKE '%@many.test'`,
    );
    await database.query(
      `INSERT INTO watch.disclosures (id, at, user_id, is_admin, epoch, measure, kind, subject_type, subject_ids, amount, masked, request_id)
       SELECT uuidv7(), now() - n * interval '2 minutes', p.user_id, false, 1, 'contact.opened', 'card', 'contact', ARRAY[gen_random_uuid()], 1,
         true, gen_random_uuid()
       FROM read.principals AS p JOIN read.users AS u ON u.id = p.user_id, generate_series(1, 10) AS n WHERE u.email LIKE '%@many.test'`,
    );
    const scope = { everyone: true };
    const limit = { measure: 'contact.opened', action: 'alert', max: 1_000, scope };
    await staff.monitoring({
      limits: [
        { ...limit, window: 'hour' },
        { ...limit, window: 'day' },
      ],
    });
  }

  /** The middle of five, milliseconds; each answer is handed on. */
  async function middleOf(path: string, look: (ledger: Ledger) => void): Promise<number> {
    const took: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const since = performance.now();
      const ledger = await answered(200, staff.admin.get<Ledger>(path));
      took.push(performance.now() - since);
      look(ledger);
    }
    const middle = took.toSorted((left, right) => left - right)[2] as number;
    console.log(`${path.replace(/[0-9a-f-]{36}/, '…')}: ${took.map(Math.round).join(', ')} ms`);
    return middle;
  }

  it('whose data did a person see in March: within a second, counted exactly', async () => {
    const userId = idOf('aaaaaaaa', 77);
    const took = await middleOf(`/v1/exposure?userId=${userId}&${march}`, (ledger) => {
      expect([ledger.items.length, ledger.distinctSubjects, ledger.distinctUsers]).toEqual([50, ROWS_A_MONTH, 1]);
    });
    expect(took).toBeLessThan(1_000);
  });

  it('who saw a person: within 100 ms', async () => {
    const subjectId = idOf('cccccccc', 4_711);
    const { rows } = await database.query<{ users: number }>(
      'SELECT count(DISTINCT user_id)::integer AS users FROM monitor.exposure WHERE subject_id = $1',
      [subjectId],
    );
    const took = await middleOf(`/v1/exposure?contactId=${subjectId}`, (ledger) => {
      expect([ledger.distinctSubjects, ledger.distinctUsers]).toEqual([1, rows[0]?.users]);
    });
    expect(rows[0]?.users).toBeGreaterThan(10);
    expect(took).toBeLessThan(100);
  });

  it('a million rows: within a second, counted exactly', async () => {
    const took = await middleOf(`/v1/exposure?userId=${idOf('bbbbbbbb', 1)}&${march}`, (ledger) =>
      expect(ledger.distinctSubjects).toBe(MOST),
    );
    expect(took).toBeLessThan(1_000);
  });

  it('a year of a person as a file holds every row', async () => {
    const file = await staff.admin.get(`/v1/exposure?userId=${idOf('aaaaaaaa', 78)}&format=csv`);
    expect(file.text.trim().split('\r\n')).toHaveLength(12 * ROWS_A_MONTH + 1);
  });

  it('10,000 people in the live view: a page within 300 ms, all of them once', async () => {
    const took = await middleOf('/v1/monitoring/users?limit=200', ({ items }) => expect(items).toHaveLength(200));
    const all = await everyRow<{ userId: string; measures: unknown[] }>(staff.admin, '/v1/monitoring/users');
    expect(new Set(all.map(({ userId }) => userId)).size).toBe(all.length);
    const counted = all.filter(({ userId }) => userId.startsWith('eeeeeeee'));
    expect(counted).toHaveLength(VIEWED);
    const counts = [
      expect.objectContaining({ window: 'hour', count: 10 }),
      expect.objectContaining({ window: 'day', count: 10 }),
    ];
    expect(counted[randomIndex()]?.measures).toEqual(counts);
    expect(took).toBeLessThan(300);
  });
});

function randomIndex(): number {
  return Number.parseInt(randomUUID().slice(0, 4), 16) % VIEWED;
}
