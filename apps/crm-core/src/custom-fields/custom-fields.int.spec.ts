import { randomBytes, randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { Secret } from '#kernel';
import { EventStore } from '#event-store';
import type { AcceptedReply, AuthorizationRow, CommandName } from '#contracts';
import { createPool } from '#platform';
import { compileRights, type Principal } from '#policy';
import { localKeyWrapper, newDataKey } from '#privacy';
import { testDatabase, type TestDatabase } from '#testing';
import { CommandBody, type CommandContext } from '../commands/command-context.js';
import { CommandShell } from '../commands/command-shell.js';
import { Gate } from '../commands/gate.js';
import { ChangeContact, ChangeContactHandler, CreateContact, CreateContactHandler } from '../contacts/contacts.handlers.js';
import { contactAggregate } from '../contacts/contact.aggregate.js';
import { CrmLog } from '../log/crm-log.js';
import { DataKeys } from '../log/data-keys.js';
import { statementsOf } from '../log/row-change.js';
import { RecordReferences } from '../records/record-references.js';
import { RecordShell } from '../records/record-shell.js';
import { CUSTOM_FIELD_LIMITS } from './domain/custom-field.commands.js';
import {
  DefineCustomField,
  DefineCustomFieldHandler,
  DeleteCustomField,
  DeleteCustomFieldHandler,
} from './custom-fields.handlers.js';

let database: TestDatabase;
let pool: Pool;
let log: CrmLog;
let records: RecordShell;

beforeAll(async () => {
  database = await testDatabase();
  pool = createPool({ connectionString: new Secret(database.coreUrl), max: 4, applicationName: 'core', pipeline: true });
  log = new CrmLog(new EventStore(pool), new DataKeys(pool, localKeyWrapper(randomBytes(32), 'given')), newDataKey());
  records = new RecordShell(new CommandShell(log), new RecordReferences(pool), new Gate(pool));
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const administrator = (): Principal => {
  const userId = randomUUID();
  const rights = compileRights({ isAdmin: true, roles: [], roleIds: [] });
  return { userId, isAdmin: true, rights, groupUserIds: new Set([userId]) };
};
function contextOf(name: CommandName, body: unknown, targetId: string | null = null): CommandContext {
  const principal = administrator();
  return {
    ...{ name, commandId: randomUUID(), requestId: randomUUID(), targetId, partId: null, expectedVersion: null },
    ...{ caller: { userId: principal.userId, sessionId: null, tokenId: null, ip: '192.0.2.1' }, principal },
    authorization: { settings: { defaultRegion: 'RU' } } as AuthorizationRow,
    ...{ at: '2026-01-01T00:00:00.000Z', bodyMac: '00', body: new CommandBody(() => body) },
  };
}
const define = (body: unknown): Promise<AcceptedReply> =>
  new DefineCustomFieldHandler(records.shell).execute(new DefineCustomField(contextOf('DefineCustomField', body)));
const remove = (id: string): Promise<AcceptedReply> =>
  new DeleteCustomFieldHandler(records.shell).execute(new DeleteCustomField(contextOf('DeleteCustomField', null, id)));
const create = (body: unknown): Promise<AcceptedReply> =>
  new CreateContactHandler(records).execute(new CreateContact(contextOf('CreateContact', body)));
const change = (id: string, body: unknown): Promise<AcceptedReply> =>
  new ChangeContactHandler(records).execute(new ChangeContact(contextOf('ChangeContact', body, id)));
/** Makes the first event of a stream what an older release wrote. Only a test may, and only as superuser. */
async function asBefore(stream: string): Promise<void> {
  const superuser = createPool({ connectionString: new Secret(database.superuserUrl), max: 1, applicationName: 'spec' });
  try {
    await superuser.query('SET session_replication_role = replica');
    await superuser.query(`UPDATE es.events SET schema_version = 1, data = data - 'customFields' WHERE stream = $1`, [stream]);
  } finally {
    await superuser.end();
  }
}
const valuesOf = async (id: string): Promise<unknown> =>
  (await pool.query<{ custom_fields: unknown }>('SELECT custom_fields FROM read.contacts WHERE id = $1', [id])).rows[0]
    ?.custom_fields;

describe('values of custom fields', () => {
  it('are sealed in the log, masked in the row, and the row is what the log says; projected again, it stays', async () => {
    const text = await define({ recordType: 'contact', name: 'Remark', type: 'text' });
    const phone = await define({ recordType: 'contact', name: 'Second phone', type: 'phone' });
    const { id } = await create({ name: 'Ivan', customFields: { [text.id]: 'planted remark', [phone.id]: '8 916 123-45-67' } });
    await change(id, { customFields: { [phone.id]: null } });
    await change(id, { customFields: { 'Second phone': '8 916 123-45-68' } });
    const stored = await pool.query<{ data: string }>('SELECT data::text FROM es.events WHERE stream = $1', [`contact-${id}`]);
    expect(stored.rows.map(({ data }) => data).join()).not.toMatch(/planted|123456|\*\*\*/);
    const shown = { [text.id]: 'planted remark', [phone.id]: { masked: '+7 *** ***-**-68' } };
    expect(await valuesOf(id)).toEqual(shown);
    const { events, state } = await log.history(contactAggregate, id);
    expect(state).toMatchObject({ fields: { customFields: { [phone.id]: expect.any(Secret) } } });
    const tools = { sealPoint: () => '', blindIndex: () => '00'.repeat(32) };
    for (const { text: sql, values } of events.flatMap((event) => contactAggregate.project(event, tools)).flatMap(statementsOf))
      await pool.query(sql, [...values]);
    expect(await valuesOf(id)).toEqual(shown);
  });

  it('of records that were written before there were any: none, and they can be given', async () => {
    const { id } = await create({ name: 'Ivan' });
    await asBefore(`contact-${id}`);
    const field = await define({ recordType: 'contact', name: 'Old', type: 'number' });
    await change(id, { customFields: { [field.id]: 5 } });
    expect(await valuesOf(id)).toEqual({ [field.id]: 5 });
  });
});

describe('custom fields of one kind of record', () => {
  it('are as many as there may be, whoever makes the last, and a deleted one makes room', async () => {
    const name = (n: number) => ({ recordType: 'company', name: `Field ${n}`, type: 'text' });
    for (let n = 1; n < CUSTOM_FIELD_LIMITS.fields; n += 1) await define(name(n));
    const last = await Promise.allSettled([define(name(1_000)), define(name(1_001)), define(name(1_002))]);
    const made = last.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(made).toHaveLength(1);
    for (const result of last)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'capacity-reached' });
    await remove(String(made[0]?.id));
    await expect(define(name(1))).rejects.toMatchObject({ code: 'already-exists' });
    await expect(define(name(2_000))).resolves.toMatchObject({ ok: true });
  });
});
