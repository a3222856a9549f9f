import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import pg from 'pg';
import { Secret } from '#kernel';
import { EventStore } from '#event-store';
import { createPool } from '#platform';
import { localKeyWrapper, newDataKey } from '#privacy';
import { testDatabase, type TestDatabase } from '#testing';
import { contactAggregate } from '../contacts/contact.aggregate.js';
import { CrmLog } from '../log/crm-log.js';
import { DataKeys } from '../log/data-keys.js';
import { ensureFirstPipeline } from '../pipelines/first-pipeline.js';
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
  await ensureFirstPipeline(log);
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
  if (state.phase === 'none') return undefined;
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

it('for any history, what the rules fold, the read model and the rebuilt read model are the same', async () => {
  const histories = fc.record({ seed: fc.integer(), appends: fc.integer({ min: 20, max: 80 }) });
  await fc.assert(
    fc.asyncProperty(histories, async ({ seed, appends }) => {
      const varied = new VariedLog(log, seed, ['security-settings']);
      await varied.append(appends);
      const ids = varied.idsOf('contact');
      for (const id of ids) expect(await rowOf(id)).toEqual(await folded(id));
      expect((await verify(options)).filter((comparison) => !isEqual(comparison))).toEqual([]);
      await rebuild(options);
      for (const id of ids) expect(await rowOf(id)).toEqual(await folded(id));
    }),
    { numRuns: RUNS },
  );
});
