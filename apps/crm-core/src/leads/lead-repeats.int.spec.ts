import { randomUUID } from 'node:crypto';
import { leadContext, type LeadReceived } from '#contracts';
import { sealFor } from '#privacy';
import { testDatabase, type TestDatabase } from '#testing';
import { CoreParts, sharedKeys } from '../commands/core-parts.fixture.js';

let database: TestDatabase;
let core: CoreParts;
let formId: string;
let receive: () => Promise<LeadReceived>;

beforeAll(async () => {
  database = await testDatabase();
  const keys = await sharedKeys();
  core = await new CoreParts(database.coreUrl, keys).begin();
  formId = (await core.send('CreateForm', { name: 'Site' })).id;
  receive = async () => {
    const leadId = randomUUID();
    const plain = JSON.stringify({ name: 'Lead', attribution: {}, ip: '192.0.2.9' });
    const sealed = await sealFor(keys.receiver.publicJwk, plain, leadContext(leadId));
    return { leadId, formId, receivedAt: '2026-01-01T00:00:00.000Z', sealed };
  };
});
afterAll(async () => {
  await core.end();
  await database.drop();
});

const dealsOf = async ({ leadId }: LeadReceived): Promise<number> =>
  (await core.rows('SELECT 1 FROM read.deals WHERE lead_id = $1', [leadId])).length;

describe('a lead that comes again', () => {
  it('makes nothing, also when every record of commands is gone', async () => {
    const lead = await receive();
    await core.leads.process(lead);
    await core.leads.process(lead);
    await core.rows('DELETE FROM es.commands');
    await core.leads.process(lead);
    expect(await core.leads.committed([lead.leadId, randomUUID()])).toEqual([lead.leadId]);
    expect(await dealsOf(lead)).toBe(1);
  });

  it('makes one deal of many at once', async () => {
    const lead = await receive();
    await Promise.all(Array.from({ length: 12 }, () => core.leads.process(lead)));
    expect(await dealsOf(lead)).toBe(1);
  });

  it('stays aside where it was set aside', async () => {
    const lead = await receive();
    await core.leads.setAside(lead, 'RangeError');
    await core.leads.process(lead);
    expect(await core.leads.committed([lead.leadId])).toEqual([lead.leadId]);
    expect(await dealsOf(lead)).toBe(0);
  });
});
