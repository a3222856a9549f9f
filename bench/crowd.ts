import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { BenchSystem } from './system.js';

/** With cards in the monitor's windows, beside those of the company. */
const PEOPLE = 10_000;
const PEOPLE_AT_ONCE = 50;
/** How long the monitor may take, after the load, until it has everybody in its windows. */
const FOLDED_WITHIN_MS = 60_000;

/** People that nobody signs in as: they stand in the database, and each opens a card at the gate. */
export class Crowd {
  private constructor(private readonly client: pg.Client) {}

  static async of(system: BenchSystem): Promise<Crowd> {
    const client = new pg.Client({ connectionString: system.connections.database.superuser });
    client.on('error', () => undefined);
    await client.connect();
    await client.query(
      `WITH people AS (SELECT uuidv7() AS id, n FROM generate_series(1, $1::int) AS n),
            named AS (INSERT INTO read.users (id, email, name, status, is_admin, created_at, updated_at, version)
                      SELECT id, 'crowd' || n || '@bench.test', 'Crowd ' || n, 'active', false, now(), now(), 1 FROM people)
       INSERT INTO read.principals (user_id, status, is_admin, role_ids, epoch, epoch_since, version)
       SELECT id, 'active', false, '{}', 1, now() - interval '1 day', 1 FROM people`,
      [PEOPLE],
    );
    for (const table of ['read.users', 'read.principals']) await client.query(`ANALYZE ${table}`);
    await client.query(`CREATE TEMPORARY TABLE crowd AS SELECT id, row_number() OVER (ORDER BY id) AS n FROM read.users
      WHERE email LIKE 'crowd%@bench.test'`);
    await client.query('CREATE INDEX ON crowd (n)');
    await client.query('ANALYZE crowd');
    return new Crowd(client);
  }

  /** Everybody opens a card; a transaction for some at a time, as each takes a lock. */
  async open(): Promise<void> {
    for (let from = 1; from <= PEOPLE; from += PEOPLE_AT_ONCE) {
      const { rows } = await this.client.query<{ admitted: number }>(
        `SELECT count(*) FILTER (WHERE gate.decision = 'admitted')::int AS admitted
         FROM crowd, LATERAL watch.admit(crowd.id, 'contact.opened', 'card', 'contact', ARRAY[gen_random_uuid()], uuidv7(),
           NULL, NULL, '192.0.2.1', true) AS gate
         WHERE crowd.n >= $1::int AND crowd.n < $1::int + $2::int`,
        [from, PEOPLE_AT_ONCE],
      );
      if (rows[0]?.admitted !== PEOPLE_AT_ONCE) throw new Error(`the gate admitted ${rows[0]?.admitted} of ${PEOPLE_AT_ONCE}`);
    }
  }

  /** Resolves when the monitor has counted everybody of the crowd. Rejects when it has not within a minute. */
  async untilInWindows(): Promise<void> {
    let counted = 0;
    for (const end = Date.now() + FOLDED_WITHIN_MS; Date.now() < end; await sleep(500)) {
      const { rows } = await this.client.query<{ counted: number }>(
        'SELECT count(DISTINCT w.user_id)::int AS counted FROM monitor.windows AS w JOIN crowd ON crowd.id = w.user_id',
      );
      counted = rows[0]?.counted ?? 0;
      if (counted === PEOPLE) return;
    }
    throw new Error(`the monitor has ${counted} of ${PEOPLE} people in its windows`);
  }

  leave(): Promise<void> {
    return this.client.end();
  }
}
