import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import pg from 'pg';
import { Secret } from '#kernel';
import { EventStore } from '#event-store';
import { createPool } from '#platform';
import { localKeyWrapper, newDataKey } from '#privacy';
import { testDatabase, type TestDatabase } from '#testing';
import { AGGREGATES } from '../aggregates.js';
import { contactAggregate } from '../contacts/contact.aggregate.js';
import type { AnyAggregate } from '../log/aggregate.js';
import { CrmLog } from '../log/crm-log.js';
import { DataKeys } from '../log/data-keys.js';
import { ensureFirstPipeline } from '../pipelines/first-pipeline.js';
import { timeline } from '../records/past/timeline.js';
import { openLane } from './range-projection.js';
import { rebuild, type RebuildOptions } from './rebuild.js';
import { VariedLog } from './varied-log.fixture.js';
import { isEqual, verify } from './verify.js';

const RUNS = 4;
let database: TestDatabase;
let pool: pg.Pool;
let log: CrmLog;
let options: RebuildOptions;

beforeAll(async () => {
  database = await testDatabase();
  const databaseUrl = new Secret(database.coreUrl);
  pool = createPool({ connectionString: databaseUrl, max: 4, applicationName: 'core', pipeline: true });
  const keys = { wrapper: localKeyWrapper(randomBytes(32), 'given'), lookup: newDataKey() };
  log = new CrmLog(new EventStore(pool), new DataKeys(pool, keys.wrapper), keys.lookup);
  await ensureFirstPipeline(log, new Date());
  options = {
    ...{ databaseUrl, keys, lanes: 2, report: () => undefined },
    openLane: (shapes, snapshot) => openLane(databaseUrl, keys, shapes, snapshot),
  };
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** What the rules know of a contact, as its row should show it. */
async function folded(id: string): Promise<unknown> {
  const { state, version } = await log.load(contactAggregate, id);
  if (state.phase === 'none' || state.phase === 'erased') return undefined;
  const { name, note, tags } = state.fields;
  return {
    ...{ name: name.expose().masked, note: note?.expose().masked ?? null, tags: tags.map((tag) => tag.expose().masked) },
    ...{ responsible_id: state.responsibleId, is_deleted: state.phase === 'deleted', version },
  };
}

async function rowOf(id: string): Promise<unknown> {
  const { rows } = await pool.query<object>(
    `SELECT name, note, tags, responsible_id, deleted_at IS NOT NULL AS is_deleted, version FROM read.contacts WHERE id = $1`,
    [id],
  );
  return rows[0];
}

/** The row that a card of the past is made of, at its last moment. */
async function told(table: 'read.contacts' | 'read.deals', id: string): Promise<object | undefined> {
  const type = table === 'read.contacts' ? 'contact' : 'deal';
  const aggregate = AGGREGATES.get(type) as AnyAggregate;
  const { events } = await log.history(aggregate, id);
  const row = timeline(type, aggregate, events).at(-1)?.row;
  if (row === undefined) return undefined;
  // As the database reads what the append wrote.
  const types = await pool.query<{ name: string; type: string }>(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped`,
    [table],
  );
  const typed = new Map(types.rows.map(({ name, type: of }) => [name, of]));
  const columns = Object.keys(row).map((name, index) => `$${index + 1}::${typed.get(name)} AS ${name}`);
  return (await pool.query<object>(`SELECT ${columns.join(', ')}`, Object.values(row))).rows[0];
}

async function whole(table: string, id: string): Promise<unknown> {
  return (await pool.query<object>(`SELECT * FROM ${table} WHERE id = $1`, [id])).rows[0];
}

it('for any history, what the rules fold, the read model, the rebuilt one and the past up to now are the same', async () => {
  const histories = fc.record({ seed: fc.integer(), appends: fc.integer({ min: 20, max: 80 }) });
  await fc.assert(
    fc.asyncProperty(histories, async ({ seed, appends }) => {
      const varied = new VariedLog(log, seed, ['security-settings']);
      await varied.append(appends);
      const ids = varied.everyIdOf('contact');
      for (const id of ids) expect(await rowOf(id)).toEqual(await folded(id));
      expect((await verify(options)).filter((comparison) => !isEqual(comparison))).toEqual([]);
      await rebuild(options);
      for (const id of ids) expect(await rowOf(id)).toEqual(await folded(id));
      for (const [table, of] of [
        ['read.contacts', ids],
        ['read.deals', varied.idsOf('deal')],
      ] as const) {
        for (const id of of) {
          const [live, past] = [await whole(table, id), await told(table, id)];
          if (past === undefined) expect(live).toBeUndefined();
          else expect(live).toMatchObject(past);
        }
      }
    }),
    { numRuns: RUNS },
  );
});
