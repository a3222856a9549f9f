import { randomBytes, randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { EventStore } from '#event-store';
import type { AcceptedReply, AuthorizationRow, CommandName } from '#contracts';
import { compileRights, type Grants, type Principal } from '#policy';
import { createPool } from '#platform';
import { localKeyWrapper, newDataKey } from '#privacy';
import { testDatabase, type TestDatabase } from '#testing';
import { Secret } from '#kernel';
import { CommandBody, type CommandContext } from '../commands/command-context.js';
import { CommandShell } from '../commands/command-shell.js';
import { Gate } from '../commands/gate.js';
import { ChangeCompany, ChangeCompanyHandler, CreateCompany, CreateCompanyHandler } from '../companies/companies.handlers.js';
import { contactAggregate } from '../contacts/contact.aggregate.js';
import { ChangeContact, ChangeContactHandler, CreateContact, CreateContactHandler } from '../contacts/contacts.handlers.js';
import { streamChange, CrmLog } from '../log/crm-log.js';
import { DataKeys } from '../log/data-keys.js';
import { SHARED_TABLES, statementsOf } from '../log/row-change.js';
import { FIRST_PIPELINE, FIRST_PIPELINE_ID, ensureFirstPipeline } from '../pipelines/first-pipeline.js';
import { personalText } from './domain/personal-text.js';
import { RecordReferences } from './record-references.js';
import { RecordShell } from './record-shell.js';
import { dealAggregate } from '../deals/deal.aggregate.js';
import {
  ChangeDeal,
  ChangeDealHandler,
  CreateDeal,
  CreateDealHandler,
  MoveDeal,
  MoveDealHandler,
} from '../deals/deals.handlers.js';

let database: TestDatabase;
let pool: Pool;
let log: CrmLog;
let records: RecordShell;

beforeAll(async () => {
  database = await testDatabase();
  pool = createPool({ connectionString: new Secret(database.coreUrl), max: 4, applicationName: 'core', pipeline: true });
  log = new CrmLog(new EventStore(pool), new DataKeys(pool, localKeyWrapper(randomBytes(32), 'given')), newDataKey());
  records = new RecordShell(new CommandShell(log), new RecordReferences(pool), new Gate(pool));
  await ensureFirstPipeline(log, new Date());
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const EVERYTHING: Grants = {
  contact: { view: 'allowed', create: 'allowed', edit: 'allowed' },
  company: { view: 'allowed', create: 'allowed', edit: 'allowed' },
  deal: { view: 'allowed', create: 'allowed', edit: 'allowed', move: 'allowed' },
};
function person(grants: Grants = EVERYTHING): Principal {
  const rights = compileRights({ isAdmin: false, roles: [{ id: 'r', name: 'Role', grants }], roleIds: ['r'] });
  const userId = randomUUID();
  return { userId, isAdmin: false, rights, groupUserIds: new Set([userId]) };
}

function contextOf(name: CommandName, principal: Principal, body: unknown, targetId: string | null = null): CommandContext {
  return {
    ...{ name, commandId: randomUUID(), requestId: randomUUID(), targetId, partId: null, expectedVersion: null },
    ...{ caller: { userId: principal.userId, sessionId: null, tokenId: null, ip: '192.0.2.1' }, principal },
    authorization: { settings: { defaultRegion: 'RU' } } as AuthorizationRow,
    ...{ at: '2026-01-01T00:00:00.000Z', bodyMac: '00', body: new CommandBody(() => body) },
  };
}
const createContact = (by: Principal, body: unknown): Promise<AcceptedReply> =>
  new CreateContactHandler(records).execute(new CreateContact(contextOf('CreateContact', by, body)));
const createDeal = (by: Principal, body: unknown): Promise<AcceptedReply> =>
  new CreateDealHandler(records).execute(new CreateDeal(contextOf('CreateDeal', by, body)));
const changeDeal = (by: Principal, id: string, body: unknown): Promise<AcceptedReply> =>
  new ChangeDealHandler(records).execute(new ChangeDeal(contextOf('ChangeDeal', by, body, id)));
const moveDeal = (by: Principal, id: string, body: unknown): Promise<AcceptedReply> =>
  new MoveDealHandler(records).execute(new MoveDeal(contextOf('MoveDeal', by, body, id)));
const rowOf = async (table: string, id: string): Promise<unknown> =>
  (await pool.query(`SELECT * FROM ${table} WHERE id = $1`, [id])).rows[0];
const stageAt = (index: number): string => String(FIRST_PIPELINE.stages[index]?.id);

describe('a deal', () => {
  it('starts in the first stage, its creator responsible, and its row shows masks', async () => {
    const me = person();
    const { id } = await createDeal(me, { title: 'Call 8 916 123-45-67', amount: { value: '1500', currency: 'RUB' } });
    expect(await rowOf('read.deals', id)).toMatchObject({
      ...{ amount: '1500.00', currency: 'RUB', status: 'open', contact_ids: [], lead_id: null, version: 1 },
      ...{ pipeline_id: FIRST_PIPELINE_ID, stage_id: stageAt(0), responsible_id: me.userId, created_by: me.userId },
      title: expect.not.stringContaining('123'),
    });
    expect((await pool.query('SELECT 1 FROM read.deal_attributions WHERE deal_id = $1', [id])).rowCount).toBe(0);
  });

  it('links only what its maker may see', async () => {
    const [me, other] = [person(), person({ ...EVERYTHING, contact: { view: 'responsible' } })];
    const contact = await createContact(me, { name: 'Ivan' });
    await expect(createDeal(other, { title: 'x', contactIds: [contact.id] })).rejects.toMatchObject({ code: 'not-found' });
    await expect(createDeal(me, { title: 'x', companyId: randomUUID() })).rejects.toMatchObject({ code: 'not-found' });
    const deal = await createDeal(me, { title: 'x', contactIds: [contact.id] });
    expect(await rowOf('read.deals', deal.id)).toMatchObject({ contact_ids: [contact.id] });
    // Another who may edit the deal keeps the link that he cannot see, and adds none.
    await expect(changeDeal(other, deal.id, { contactIds: [contact.id], note: 'n' })).resolves.toMatchObject({ version: 2 });
    const unseen = await createContact(me, { name: 'Petr' });
    await expect(changeDeal(other, deal.id, { contactIds: [contact.id, unseen.id] })).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  it('moves within its pipeline by those who may, and not to where it is', async () => {
    const me = person();
    const { id } = await createDeal(me, { title: 'x' });
    expect(await moveDeal(me, id, { stageId: stageAt(2) })).toEqual({ ok: true, id, version: 2 });
    expect(await moveDeal(me, id, { stageId: stageAt(2) })).toEqual({ ok: true, id, version: 2 });
    expect(await rowOf('read.deals', id)).toMatchObject({ stage_id: stageAt(2), version: 2 });
    await expect(moveDeal(me, id, { stageId: randomUUID() })).rejects.toMatchObject({ code: 'unknown-reference' });
    const viewer = person({ deal: { view: 'allowed', edit: 'allowed' } });
    await expect(moveDeal(viewer, id, { nonsense: 1 })).rejects.toMatchObject({ code: 'forbidden' });
    await expect(moveDeal(person({}), id, { nonsense: 1 })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('from a lead keeps its attribution sealed in the log and masked in its own table; projected again, the rows stay', async () => {
    const id = randomUUID();
    const at = '2026-01-01T00:00:00.000Z';
    const metadata = {
      ...{ actorId: null, sessionId: null, tokenId: null, ip: null, causationId: null, at },
      ...{ commandId: randomUUID(), correlationId: randomUUID() },
    };
    const command = {
      type: 'create',
      ...{ pipelineId: FIRST_PIPELINE_ID, stageId: stageAt(0), responsibleId: null, leadId: randomUUID() },
      fields: {
        title: personalText('Lead', 'RU'),
        amount: null,
        contactIds: [],
        companyId: null,
        note: null,
        tags: [],
        customFields: {},
      },
      attribution: new Secret({ utm_term: { text: 'planted', masked: 'shown' } }),
    } as const;
    const events = dealAggregate.decide(command, dealAggregate.initialState);
    await log.append([streamChange({ aggregate: dealAggregate, id, version: 0, events })], { metadata });
    const stored = await pool.query<{ data: string }>('SELECT data::text FROM es.events WHERE stream = $1', [`deal-${id}`]);
    expect(stored.rows[0]?.data).not.toMatch(/planted|shown|utm/);
    const rows = async (): Promise<unknown> => [
      await rowOf('read.deals', id),
      (await pool.query('SELECT * FROM read.deal_attributions WHERE deal_id = $1', [id])).rows,
    ];
    const before = await rows();
    expect(before).toMatchObject([{ version: 1 }, [{ deal_id: id, values: { utm_term: 'shown' }, version: 1 }]]);
    const tools = { sealPoint: () => '', blindIndex: () => '00'.repeat(32) };
    const recorded = events.map((event) => ({ event, id: randomUUID(), aggregateId: id, version: 1, metadata }));
    for (const { text, values } of recorded.flatMap((event) => dealAggregate.project(event, tools)).flatMap(statementsOf)) {
      await pool.query(text, [...values]);
    }
    expect(await rows()).toEqual(before);
    expect((await log.load(dealAggregate, id)).state).toMatchObject({ phase: 'live', stageId: stageAt(0), status: 'open' });
  });
});

describe('records that are made at the same time', () => {
  /** Whose value says nothing of what was made: ids, times, and what is sealed under a nonce. */
  const told = async (ids: readonly string[]): Promise<unknown> => {
    const rows = await pool.query(
      `SELECT c.name, c.search::text, c.note, c.tags, c.custom_fields, c.company_id, c.lead_id, c.version, c.responsible_id = c.created_by AS own,
         (SELECT jsonb_agg(p - 'id') FROM jsonb_array_elements(c.phones) AS p) AS phones,
         (SELECT jsonb_agg(e - 'id') FROM jsonb_array_elements(c.emails) AS e) AS emails,
         (SELECT jsonb_agg(jsonb_build_array(p.record_type, p.kind, encode(p.blind_index, 'hex'), length(p.sealed)) ORDER BY p.kind, p.blind_index)
          FROM vault.points AS p WHERE p.record_id = c.id) AS points,
         (SELECT count(*)::int FROM vault.keys AS k WHERE k.owner = 'contact-' || c.id) AS keys
       FROM unnest($1::uuid[]) WITH ORDINALITY AS asked(id, n) JOIN read.contacts AS c ON c.id = asked.id ORDER BY asked.n`,
      [ids],
    );
    return rows.rows;
  };
  const bodies = [
    { name: 'Иван "Ким" \\ Ёлка', tags: ['a "b"', 'c\\d', '{e,f}', 'null', ''].filter((tag) => tag !== ''), note: 'x\ny' },
    { name: 'Nobody' },
    {
      name: 'Ann',
      phones: [{ label: 'mobile', number: '+7 916 123-45-67' }, { number: '8 495 123-45-67' }],
      emails: [{ address: 'ann@example.org' }],
      tags: ['bench'],
    },
  ];

  it('come to what they come to alone, and share transactions', async () => {
    const me = person();
    const alone: AcceptedReply[] = [];
    for (const body of bodies) alone.push(await createContact(me, body));
    const many = await Promise.all(Array.from({ length: 12 }, (_, n) => createContact(me, bodies[n % bodies.length])));
    const rows = (await told(alone.map(({ id }) => id))) as unknown[];
    expect(rows).toMatchObject([{ tags: ['a "b"', 'c\\d', '{e,f}', 'null'], keys: 1 }, { keys: 1 }, { points: [{}, {}, {}] }]);
    expect(await told(many.map(({ id }) => id))).toEqual(many.map((_, n) => rows[n % bodies.length]));
    const { rows: together } = await pool.query<{ count: number }>(
      'SELECT count(DISTINCT tx_id)::int AS count FROM es.events WHERE stream = ANY($1)',
      [many.map(({ id }) => `contact-${id}`)],
    );
    expect(together[0]?.count).toBeLessThan(many.length / 2);
    const loaded = await Promise.all(many.map(({ id }) => log.load(contactAggregate, id)));
    expect(loaded.map(({ state }) => state.phase)).toEqual(many.map(() => 'live'));
  });

  it('may change and be changed in one transaction with others', async () => {
    const me = person();
    const made = await Promise.all(Array.from({ length: 6 }, () => createContact(me, bodies[2])));
    const change = (id: string, expectedVersion: number | null): Promise<AcceptedReply> =>
      new ChangeContactHandler(records).execute(
        new ChangeContact({
          ...contextOf('ChangeContact', me, { phones: [{ number: '+7 916 765-43-21' }], name: 'Changed' }, id),
          expectedVersion,
        }),
      );
    const outcomes = await Promise.allSettled([
      ...made.map(({ id }, n) => change(id, n === 0 ? 9 : 1)),
      ...made.map(() => createContact(me, bodies[1])),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', ...Array.from({ length: 11 }, () => 'fulfilled')]);
    const rows = (await told(made.map(({ id }) => id))) as { version: number; name: string; points: unknown[] }[];
    expect(rows.map(({ version, name, points }) => [version, name, points.length])).toEqual([
      [1, 'Ann', 3],
      ...Array.from({ length: 5 }, () => [2, 'Changed', 2]),
    ]);
  });

  it('are inserted with the types that their columns have', async () => {
    for (const [table, types] of Object.entries(SHARED_TABLES)) {
      const { rows } = await pool.query<{ name: string; type: string }>(
        `SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
         WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attname <> 'deleted_at'`,
        [table],
      );
      const catalogue = Object.fromEntries(
        rows.map(({ name, type }) => [name, type.replace('timestamp with time zone', 'timestamptz')]),
      );
      expect([table, types]).toEqual([table, catalogue]);
    }
  });
});

describe('a company', () => {
  it('has masks in its row and its numbers in the vault, also when they change', async () => {
    const me = person();
    const body = {
      name: 'Romashka',
      phones: [{ number: '8 495 123-45-67' }],
      website: 'https://example.ru',
      address: 'Main street 1',
    };
    const { id } = await new CreateCompanyHandler(records).execute(new CreateCompany(contextOf('CreateCompany', me, body)));
    expect(await rowOf('read.companies', id)).toMatchObject({
      ...{ name: 'Romashka', website: 'https://example.ru', address: 'Main street 1', version: 1 },
      phones: [{ masked: '+7 *** ***-**-67', label: null }],
    });
    const change = { phones: [{ number: '8 495 123-45-68' }, { number: '8 495 123-45-69' }], address: null };
    await new ChangeCompanyHandler(records).execute(new ChangeCompany(contextOf('ChangeCompany', me, change, id)));
    expect(await rowOf('read.companies', id)).toMatchObject({
      ...{ website: 'https://example.ru', address: null, version: 2 },
      phones: [{ masked: '+7 *** ***-**-68' }, { masked: '+7 *** ***-**-69' }],
    });
    const points = await pool.query('SELECT record_type, kind FROM vault.points WHERE record_id = $1', [id]);
    expect(points.rows).toEqual([
      { record_type: 'company', kind: 'phone' },
      { record_type: 'company', kind: 'phone' },
    ]);
  });
});
