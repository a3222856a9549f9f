import { randomBytes, randomUUID } from 'node:crypto';
import { Client, type Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { Secret, type DomainEvent } from '#kernel';
import { EventStore, type EventMetadata } from '#event-store';
import type { AuthorizationRow, RewindChange, RewindConflict, RewindPage } from '#contracts';
import { createLogger, createPool } from '#platform';
import { compileRights, type Grants } from '#policy';
import { localKeyWrapper, newDataKey } from '#privacy';
import { testDatabase, type TestDatabase } from '#testing';
import { CommandBody, type CommandContext } from '../commands/command-context.js';
import { CommandShell } from '../commands/command-shell.js';
import { contactAggregate } from '../contacts/contact.aggregate.js';
import { dealAggregate } from '../deals/deal.aggregate.js';
import { streamOf, type Aggregate } from '../log/aggregate.js';
import { CrmLog, streamChange } from '../log/crm-log.js';
import { DataKeys } from '../log/data-keys.js';
import { personalText } from '../records/domain/personal-text.js';
import { userAggregate } from '../users/user.aggregate.js';
import { RewindPlanner } from './rewind-planner.js';
import { RewindStore } from './rewind-store.js';
import { RewindWorker } from './rewind-worker.js';
import { RewindUser, RewindUserHandler } from './rewinds.handlers.js';

type Lists = { changes: RewindChange[]; conflicts: RewindConflict[]; first: RewindPage };

let database: TestDatabase;
let pool: Pool;
/** Core itself changes no event; a broken one is made by hand. */
let superuser: Client;
let log: CrmLog;
let planner: RewindPlanner;
let store: RewindStore;
let handler: RewindUserHandler;
let workers: RewindWorker[];
const never = new AbortController().signal;
const [anna, bert, admin] = [randomUUID(), randomUUID(), randomUUID()];
const START = Date.parse('2026-03-01T00:00:00Z');
let seconds = 0;

beforeAll(async () => {
  database = await testDatabase();
  superuser = new Client({ connectionString: database.superuserUrl });
  await superuser.connect();
  pool = createPool({ connectionString: new Secret(database.coreUrl), max: 12, applicationName: 'core', pipeline: true });
  const events = new EventStore(pool);
  log = new CrmLog(events, new DataKeys(pool, localKeyWrapper(randomBytes(32), 'given')), newDataKey());
  planner = new RewindPlanner(pool);
  store = new RewindStore(pool, events);
  handler = new RewindUserHandler(new CommandShell(log), planner, store);
  const logger = createLogger({ service: 'crm-core', instance: 'test', level: 'fatal' });
  workers = [1, 2].map(() => new RewindWorker(log, events, planner, store, logger, () => new Date(tick())));
  for (const id of [anna, bert, admin]) {
    const fields = { email: `${id}@palisade.test`, name: 'P', roleIds: [], departmentId: null, isAdmin: false };
    await act(admin, userAggregate, id, { type: 'create', fields, weakened: [] });
  }
});
afterAll(async () => {
  await superuser?.end();
  await pool?.end();
  await database?.drop();
});

/** A second later than whatever happened before. */
function tick(): string {
  seconds += 1;
  return new Date(START + seconds * 1_000).toISOString();
}

function metadata(actorId: string | null): EventMetadata {
  const ids = { commandId: randomUUID(), correlationId: randomUUID(), causationId: null };
  return { actorId, sessionId: null, tokenId: null, ip: '192.0.2.1', ...ids, at: tick() };
}

/** The person does this to it, as by the rules. */
async function act<State, Command, Event extends DomainEvent>(
  actorId: string | null,
  aggregate: Aggregate<State, Command, Event>,
  id: string,
  command: Command,
): Promise<void> {
  const { state, version } = await log.load(aggregate, id);
  const change = streamChange({ aggregate, id, version, events: aggregate.decide(command, state) });
  await log.append([change], { metadata: metadata(actorId) });
}

const text = (written: string) => personalText(written, 'RU');
const phone = (value: string) =>
  ({ id: uuidv7(), kind: 'phone', form: 'normal', value: new Secret(value), label: null, unverified: false }) as const;
async function contact(by: string, number = '+79161234567'): Promise<string> {
  const id = uuidv7();
  const fields = {
    name: text('Ivan'),
    phones: [phone(number)],
    emails: [],
    companyId: null,
    note: text('first'),
    tags: [],
    customFields: {},
  };
  await act(by, contactAggregate, id, { type: 'create', fields, responsibleId: by, leadId: null });
  return id;
}
const blank = (by: string, id: string) => act(by, contactAggregate, id, { type: 'change', changes: { note: null, phones: [] } });

function context(body: unknown, grants: Grants = { records: { rewind: 'allowed' } }, targetId: string = anna): CommandContext {
  const rights = compileRights({ isAdmin: false, roles: [{ id: 'r', name: 'R', grants }], roleIds: ['r'] });
  return {
    ...{ name: 'RewindUser', commandId: randomUUID(), requestId: randomUUID(), targetId, partId: null, expectedVersion: null },
    caller: { userId: admin, sessionId: null, tokenId: null, ip: '192.0.2.9' },
    principal: { userId: admin, isAdmin: false, rights, groupUserIds: new Set([admin]) },
    ...{ authorization: {} as AuthorizationRow, at: tick(), bodyMac: '00', body: new CommandBody(() => body) },
  };
}
const rewind = async (body: object, targetId: string = anna): Promise<string> =>
  (await handler.execute(new RewindUser(context(body, undefined, targetId)))).id;

async function lists(rewindId: string): Promise<Lists> {
  const caller = { userId: admin, sessionId: null, tokenId: null, ip: '192.0.2.9' };
  const read = async (list: 'changes' | 'conflicts') => {
    const first = (await store.page({ caller, rewindId, list, after: null })) as RewindPage;
    const entries = [...first.entries];
    for (let next = first.next; next !== null;) {
      const page: RewindPage = (await store.page({ caller, rewindId, list, after: next })) as RewindPage;
      entries.push(...page.entries);
      next = page.next;
    }
    return { first, entries };
  };
  const [changes, conflicts] = [await read('changes'), await read('conflicts')];
  return {
    changes: changes.entries as RewindChange[],
    conflicts: conflicts.entries as RewindConflict[],
    first: changes.first,
  };
}
/** Steps until nothing runs. */
async function work(by: readonly RewindWorker[] = workers.slice(0, 1)): Promise<void> {
  await Promise.all(
    by.map(async (worker) => {
      while (await worker.step(never));
    }),
  );
}
const eventsOf = async (stream: string) =>
  (
    await pool.query<{ type: string; actor: string; cause: string | null }>(
      `SELECT type, metadata->>'actorId' AS actor, metadata->>'causationId' AS cause FROM es.events WHERE stream = $1 ORDER BY version`,
      [stream],
    )
  ).rows;

describe('a rewind', () => {
  it('puts back notes and numbers with their vault entries, by events of the administrator that name it', async () => {
    const id = await contact(bert);
    const points = async () =>
      (await pool.query('SELECT id, encode(blind_index, $2) AS blind FROM vault.points WHERE record_id = $1', [id, 'hex'])).rows;
    const before = await points();
    const since = tick();
    await blank(anna, id);
    expect(await points()).toEqual([]);
    const rewindId = await rewind({ since });
    await work();
    expect(await points()).toEqual(before);
    const { state } = await log.load(contactAggregate, id);
    if (state.phase !== 'live') throw new Error('not live');
    expect(state.fields.note?.expose().text).toBe('first');
    expect(state.fields.phones[0]?.value.expose()).toBe('+79161234567');
    expect((await eventsOf(`contact-${id}`)).at(-1)).toEqual({ type: 'ContactChanged', actor: admin, cause: rewindId });
    expect(await lists(rewindId)).toMatchObject({
      changes: [
        { recordType: 'contact', recordId: id, version: 2, kind: 'changed', fields: expect.arrayContaining(['note', 'phones']) },
      ],
      conflicts: [],
      first: { state: 'done', done: 1, total: 1 },
    });
    expect((await eventsOf(`rewind-${rewindId}`)).map(({ type }) => type)).toEqual(['RewindStarted', 'RewindFinished']);
  });

  it('undoes creations, deletions, moves and reassignments, newest first, and leaves what came later', async () => {
    const [kept, dealId] = [await contact(bert), uuidv7()];
    const deal = { title: text('Deal'), amount: null, contactIds: [], companyId: null, note: null, tags: [], customFields: {} };
    const place = { pipelineId: randomUUID(), stageId: randomUUID() };
    const creation = { type: 'create', fields: deal, ...place, attribution: null, responsibleId: bert, leadId: null } as const;
    await act(bert, dealAggregate, dealId, creation);
    const since = tick();
    const made = await contact(anna);
    await act(anna, dealAggregate, dealId, { type: 'move', stageId: randomUUID() });
    await act(anna, dealAggregate, dealId, { type: 'assign', responsibleId: anna });
    await act(anna, contactAggregate, kept, { type: 'delete' });
    await act(bert, dealAggregate, dealId, { type: 'assign', responsibleId: admin });
    const preview = await rewind({ since, dryRun: true });
    const eventsBefore = (await pool.query('SELECT count(*) FROM es.events')).rows;
    const planned = await lists(preview);
    expect(planned.first.state).toBe('preview');
    expect(planned.changes.map(({ kind, recordId }) => [kind, recordId])).toEqual([
      ['deleted', kept],
      ['moved', dealId],
      ['created', made],
    ]);
    expect(planned.conflicts).toEqual([
      {
        ...{ recordType: 'deal', recordId: dealId, version: 3, kind: 'assigned', fields: ['responsibleId'] },
        ...{ field: 'responsibleId', changedBy: bert, reason: 'changed-later' },
      },
    ]);
    await work();
    expect((await pool.query('SELECT count(*) FROM es.events')).rows).toEqual(eventsBefore);
    const started = await rewind({ since });
    await work();
    expect({ ...(await lists(started)), first: null }).toEqual({ ...planned, first: null });
    expect((await log.load(contactAggregate, made)).state.phase).toBe('deleted');
    expect((await log.load(contactAggregate, kept)).state.phase).toBe('live');
    expect((await log.load(dealAggregate, dealId)).state).toMatchObject({ stageId: place.stageId, responsibleId: admin });
  });

  it('puts back each custom field by itself, and how a deal ended, though the deal is closed', async () => {
    const [id, x, y] = [uuidv7(), randomUUID(), randomUUID()];
    const value = (written: string) => new Secret({ type: 'text', value: written, masked: written } as const);
    const place = { pipelineId: randomUUID(), stageId: randomUUID() };
    const fields = { title: text('Deal'), amount: null, contactIds: [], companyId: null, note: null, tags: [] };
    const given = { ...fields, customFields: { [x]: value('first'), [y]: value('first') } };
    const creation = { type: 'create', fields: given, ...place, attribution: null, responsibleId: bert, leadId: null } as const;
    await act(bert, dealAggregate, id, creation);
    await act(bert, dealAggregate, id, { type: 'lose', reason: text('too dear') });
    const since = tick();
    await act(anna, dealAggregate, id, { type: 'reopen' });
    await act(anna, dealAggregate, id, { type: 'move', stageId: randomUUID() });
    await act(anna, dealAggregate, id, { type: 'change', changes: { customFields: { [x]: null, [y]: value('of Anna') } } });
    await act(bert, dealAggregate, id, { type: 'change', changes: { customFields: { [y]: value('of Bert') } } });
    await act(anna, dealAggregate, id, { type: 'win' });
    const rewindId = await rewind({ since });
    await work();
    const { state } = await log.load(dealAggregate, id);
    if (state.phase !== 'live' || state.status !== 'lost') throw new Error('not lost');
    expect([state.stageId, state.loseReason.expose().text]).toEqual([place.stageId, 'too dear']);
    expect([x, y].map((field) => state.fields.customFields[field]?.expose().value)).toEqual(['first', 'of Bert']);
    const { changes, conflicts } = await lists(rewindId);
    expect(changes.map(({ kind, fields: back }) => [kind, back])).toEqual([
      ['won', ['status']],
      ['changed', [`customFields.${x}`]],
      ['moved', ['stageId']],
      ['reopened', ['status']],
    ]);
    expect(conflicts.map(({ field, changedBy }) => [field, changedBy])).toEqual([[`customFields.${y}`, bert]]);
  });

  it('names what changes between plan and deed, and takes what was on its way', async () => {
    const [first, second] = [await contact(bert), await contact(bert)];
    const since = tick();
    await blank(anna, first);
    const late = metadata(anna);
    const rewindId = await rewind({ since });
    await act(bert, contactAggregate, first, { type: 'change', changes: { note: text('of Bert') } });
    const { state, version } = await log.load(contactAggregate, second);
    const events = contactAggregate.decide({ type: 'delete' }, state);
    await log.append([streamChange({ aggregate: contactAggregate, id: second, version, events })], { metadata: late });
    await work();
    const { changes, conflicts, first: page } = await lists(rewindId);
    expect(changes.map(({ recordId, kind, fields }) => [recordId, kind, fields])).toEqual([
      [second, 'deleted', ['deleted']],
      [first, 'changed', ['phones']],
    ]);
    expect(conflicts).toMatchObject([{ recordId: first, field: 'note', changedBy: bert, reason: 'changed-later' }]);
    expect(page).toMatchObject({ state: 'done', done: 2, total: 2 });
  });

  it('leaves a record whose key was destroyed, and says so', async () => {
    const id = await contact(bert);
    const since = tick();
    await blank(anna, id);
    await pool.query('DELETE FROM vault.keys WHERE owner = $1', [streamOf(contactAggregate, id)]);
    const rewindId = await rewind({ since });
    await work();
    const { changes, conflicts, first } = await lists(rewindId);
    expect([changes, first.state]).toEqual([[], 'done']);
    expect(conflicts.map(({ field, reason, changedBy }) => [field, reason, changedBy])).toEqual(
      expect.arrayContaining([
        ['note', 'erased', null],
        ['phones', 'erased', null],
      ]),
    );
    expect(await eventsOf(`contact-${id}`)).toHaveLength(2);
  });

  it('is done once by two who both believe to lead, one of whom stops half way', async () => {
    const ids = await Promise.all(Array.from({ length: 60 }, () => contact(bert)));
    const since = tick();
    for (const id of ids) await blank(anna, id);
    const rewindId = await rewind({ since });
    const stopping = new AbortController();
    const [one, two] = workers as [RewindWorker, RewindWorker];
    const halted = one.step(stopping.signal);
    stopping.abort();
    await halted;
    await work([one, two]);
    const { rows } = await pool.query<{ events: number; streams: number }>(
      `SELECT count(*) AS events, count(DISTINCT stream) AS streams FROM es.events
       WHERE metadata->>'causationId' = $1 AND type = 'ContactChanged'`,
      [rewindId],
    );
    expect(rows).toEqual([{ events: 60, streams: 60 }]);
    expect((await lists(rewindId)).first).toMatchObject({ state: 'done', done: 60, total: 60 });
  });

  it('goes on after a record that cannot be put back, and has failed then', async () => {
    const [broken, good] = [await contact(bert), await contact(bert)];
    const since = tick();
    await blank(anna, good);
    await blank(anna, broken);
    await superuser.query(`UPDATE es.events SET schema_version = 99 WHERE stream = $1 AND version = 1`, [`contact-${broken}`]);
    const plan = { since };
    await expect(rewind(plan)).rejects.toThrow('does not know');
    await superuser.query(`UPDATE es.events SET schema_version = 1 WHERE stream = $1 AND version = 1`, [`contact-${broken}`]);
    const rewindId = await rewind(plan);
    await superuser.query(`UPDATE es.events SET schema_version = 99 WHERE stream = $1 AND version = 1`, [`contact-${broken}`]);
    await work();
    expect((await lists(rewindId)).first).toMatchObject({ state: 'failed', done: 1, total: 2 });
    await superuser.query(`UPDATE es.events SET schema_version = 1 WHERE stream = $1 AND version = 1`, [`contact-${broken}`]);
  });

  it('remembers a dry run under its command, so that a repeat is told of the same plan', async () => {
    const asked = context({ since: '2026-01-01T00:00:00Z', dryRun: true });
    const outcome = await handler.execute(new RewindUser(asked));
    expect(await log.findCommand(asked.commandId)).toEqual({ id: asked.commandId, mac: asked.bodyMac, outcome });
    expect((await lists(outcome.id)).first.state).toBe('preview');
  });

  it('is refused without the right, for nobody, and for a window that is none', async () => {
    const refusal = (body: unknown, grants?: Grants, target?: string) =>
      handler.execute(new RewindUser(context(body, grants, target))).catch((error: { code?: string }) => error.code);
    const since = '2026-01-01T00:00:00Z';
    expect(await refusal({ nonsense: 1 }, {})).toBe('forbidden');
    expect(await refusal({ nonsense: 1 }, undefined, randomUUID())).toBe('not-found');
    for (const body of [
      {},
      { since: 'yesterday' },
      { since, until: '2025-12-31T23:59:59Z' },
      { since: '2999-01-01T00:00:00Z' },
      { since, what: 1 },
      { since, dryRun: 'yes' },
    ]) {
      expect([body, await refusal(body)]).toEqual([body, 'validation-failed']);
    }
  });

  it('forgets previews after the keys of their requests, and rewinds never', async () => {
    const since = '2026-01-01T00:00:00Z';
    const [preview, started] = [await rewind({ since, dryRun: true }, bert), await rewind({ since }, bert)];
    await work();
    await pool.query(`UPDATE es.rewinds SET created_at = created_at - interval '9 days' WHERE id = ANY($1)`, [
      [preview, started],
    ]);
    await store.prunePreviews();
    const { rows } = await pool.query<{ id: string }>('SELECT id FROM es.rewinds WHERE id = ANY($1)', [[preview, started]]);
    expect(rows).toEqual([{ id: started }]);
  });
});
