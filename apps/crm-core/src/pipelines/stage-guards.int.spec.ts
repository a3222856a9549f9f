import { randomBytes, randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { DomainError, Secret } from '#kernel';
import { EventStore } from '#event-store';
import type { AcceptedReply, AuthorizationRow, CommandName } from '#contracts';
import { createPool } from '#platform';
import { compileRights } from '#policy';
import { localKeyWrapper, newDataKey } from '#privacy';
import { testDatabase, type TestDatabase } from '#testing';
import { CommandBody, type CommandContext } from '../commands/command-context.js';
import { CommandShell } from '../commands/command-shell.js';
import { Gate } from '../commands/gate.js';
import { CreateDeal, CreateDealHandler, MoveDeal, MoveDealHandler } from '../deals/deals.handlers.js';
import { CrmLog } from '../log/crm-log.js';
import { DataKeys } from '../log/data-keys.js';
import { RecordReferences } from '../records/record-references.js';
import { RecordShell } from '../records/record-shell.js';
import { ChangePipeline, ChangePipelineHandler, CreatePipeline, CreatePipelineHandler } from './pipelines.handlers.js';

let database: TestDatabase;
let pool: Pool;
let records: RecordShell;

beforeAll(async () => {
  database = await testDatabase();
  pool = createPool({ connectionString: new Secret(database.coreUrl), max: 8, applicationName: 'core', pipeline: true });
  const log = new CrmLog(new EventStore(pool), new DataKeys(pool, localKeyWrapper(randomBytes(32), 'given')), newDataKey());
  records = new RecordShell(new CommandShell(log), new RecordReferences(pool), new Gate(pool));
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const userId = randomUUID();
const principal = {
  ...{ userId, isAdmin: true, groupUserIds: new Set([userId]) },
  rights: compileRights({ isAdmin: true, roles: [], roleIds: [] }),
};
function contextOf(name: CommandName, body: unknown, targetId: string | null = null): CommandContext {
  return {
    ...{ name, commandId: randomUUID(), requestId: randomUUID(), targetId, partId: null, expectedVersion: null },
    ...{ caller: { userId, sessionId: null, tokenId: null, ip: '192.0.2.1' }, principal },
    authorization: { settings: { defaultRegion: 'RU' } } as AuthorizationRow,
    ...{ at: '2026-01-01T00:00:00.000Z', bodyMac: '00', body: new CommandBody(() => body) },
  };
}
const createPipeline = (body: unknown): Promise<AcceptedReply> =>
  new CreatePipelineHandler(records.shell, pool).execute(new CreatePipeline(contextOf('CreatePipeline', body)));
const changePipeline = (id: string, body: unknown): Promise<AcceptedReply> =>
  new ChangePipelineHandler(records.shell).execute(new ChangePipeline(contextOf('ChangePipeline', body, id)));
const createDeal = (body: unknown): Promise<AcceptedReply> =>
  new CreateDealHandler(records).execute(new CreateDeal(contextOf('CreateDeal', body)));
const moveDeal = (id: string, body: unknown): Promise<AcceptedReply> =>
  new MoveDealHandler(records).execute(new MoveDeal(contextOf('MoveDeal', body, id)));
const stagesOf = async (id: string): Promise<readonly { id: string; name: string }[]> =>
  (await pool.query<{ stages: { id: string; name: string }[] }>('SELECT stages FROM read.pipelines WHERE id = $1', [id])).rows[0]
    ?.stages ?? [];
const codeOf = async (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => 'done',
    (error: unknown) => (error instanceof DomainError ? error.code : `not refused: ${String(error)}`),
  );

const ROUNDS = 12;
/** For what must be seen waiting; thousands a second. */
const MOST_LOOKS = 50_000;

it('a stage goes, or deals come into it, never both', async () => {
  const seen = new Set<string>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const { id } = await createPipeline({ name: `Pipeline ${round}`, stages: [{ name: 'Kept' }, { name: 'Going' }] });
    const [kept, going] = (await stagesOf(id)) as [{ id: string; name: string }, { id: string; name: string }];
    const deals = await Promise.all(Array.from({ length: 4 }, () => createDeal({ title: 'x', pipelineId: id })));
    // Whichever begins first, both outcomes must be clean.
    const removal = (): Promise<string> => codeOf(changePipeline(id, { stages: [kept] }));
    const coming = (): Promise<string>[] => [
      ...deals.map((deal) => codeOf(moveDeal(deal.id, { stageId: going.id }))),
      codeOf(createDeal({ title: 'new', pipelineId: id, stageId: going.id })),
    ];
    const [removed, moves] =
      round % 2 === 0
        ? await Promise.all([removal(), Promise.all(coming())])
        : await Promise.all([Promise.all(coming()), removal()]).then(([came, went]) => [went, came] as const);
    const inside = await pool.query('SELECT 1 FROM read.deals WHERE stage_id = $1', [going.id]);
    seen.add(removed);
    expect(['done', 'stage-in-use']).toContain(removed);
    for (const move of moves) expect(['done', 'unknown-reference']).toContain(move);
    expect([removed, (await stagesOf(id)).length, inside.rowCount === 0]).toEqual(
      removed === 'done' ? ['done', 1, true] : ['stage-in-use', 2, false],
    );
    expect(inside.rowCount).toBe(moves.filter((move) => move === 'done').length);
  }
  expect(seen.size).toBeGreaterThan(0);
});

it('a stage with deals stays until they are gone elsewhere, deleted ones too, and a move waits for the change under way', async () => {
  const { id } = await createPipeline({ name: 'Pipeline', stages: [{ name: 'Kept' }, { name: 'Going' }] });
  const [kept, going] = (await stagesOf(id)) as [{ id: string; name: string }, { id: string; name: string }];
  const deal = await createDeal({ title: 'x', stageId: going.id });
  await pool.query('UPDATE read.deals SET deleted_at = now() WHERE id = $1', [deal.id]);
  expect(await codeOf(changePipeline(id, { stages: [kept] }))).toBe('stage-in-use');
  await pool.query('UPDATE read.deals SET deleted_at = NULL WHERE id = $1', [deal.id]);
  await moveDeal(deal.id, { stageId: kept.id });
  // The change is under way: it holds the lock, and has taken the stage away without having committed yet.
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('stages:' || $1::text, 0))`, [id]);
    const move = codeOf(moveDeal(deal.id, { stageId: going.id }));
    const create = codeOf(createDeal({ title: 'y', stageId: going.id }));
    const waiting = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()`;
    for (let look = 0; (await pool.query<{ n: number }>(waiting)).rows[0]?.n !== 2; look += 1)
      if (look === MOST_LOOKS) throw new Error('move and creation do not wait');
    await client.query('UPDATE read.pipelines SET stages = $2 WHERE id = $1', [id, JSON.stringify([kept])]);
    await client.query('COMMIT');
    expect([await move, await create]).toEqual(['unknown-reference', 'unknown-reference']);
  } finally {
    client.release();
  }
});
