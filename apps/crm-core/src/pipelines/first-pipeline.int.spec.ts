import { randomBytes } from 'node:crypto';
import type { Pool } from 'pg';
import { Secret } from '#kernel';
import { EventStore } from '#event-store';
import { createPool } from '#platform';
import { localKeyWrapper, newDataKey } from '#privacy';
import { testDatabase, type TestDatabase } from '#testing';
import { CrmLog } from '../log/crm-log.js';
import { DataKeys } from '../log/data-keys.js';
import { RecordReferences } from '../records/record-references.js';
import { FIRST_PIPELINE, FIRST_PIPELINE_ID, ensureFirstPipeline } from './first-pipeline.js';

const CORES = 8;
let database: TestDatabase;
let pools: readonly Pool[];

beforeAll(async () => {
  database = await testDatabase();
  pools = Array.from({ length: CORES }, (_, core) =>
    createPool({ connectionString: new Secret(database.coreUrl), max: 2, applicationName: `core-${core}`, pipeline: true }),
  );
});
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.end()));
  await database.drop();
});

const logOf = (pool: Pool): CrmLog =>
  new CrmLog(new EventStore(pool), new DataKeys(pool, localKeyWrapper(randomBytes(32), 'given')), newDataKey());

it('is made once by cores that start together, and not again by a later start', async () => {
  await Promise.all(pools.map((pool) => ensureFirstPipeline(logOf(pool), new Date())));
  await ensureFirstPipeline(logOf(pools[0] as Pool), new Date());
  const events = await pools[0]?.query('SELECT type FROM es.events WHERE stream = $1', [`pipeline-${FIRST_PIPELINE_ID}`]);
  expect(events?.rows).toEqual([{ type: 'PipelineCreated' }]);
  const rows = await pools[0]?.query('SELECT id, name, stages, position, version FROM read.pipelines');
  expect(rows?.rows).toEqual([{ id: FIRST_PIPELINE_ID, ...FIRST_PIPELINE, version: 1 }]);
});

it('is where a deal starts, and knows its own stages only', async () => {
  const references = new RecordReferences(pools[0] as Pool);
  const stageIds = FIRST_PIPELINE.stages.map(({ id }) => id);
  const place = (stageId: string | undefined) => ({ pipelineId: FIRST_PIPELINE_ID, stageId });
  await expect(references.resolveStage(undefined, undefined)).resolves.toEqual(place(stageIds[0]));
  await expect(references.resolveStage(undefined, stageIds[2])).resolves.toEqual(place(stageIds[2]));
  await expect(references.resolveStage(FIRST_PIPELINE_ID, FIRST_PIPELINE_ID)).rejects.toMatchObject({
    code: 'unknown-reference',
    options: { errors: [{ path: 'stageId' }] },
  });
});
