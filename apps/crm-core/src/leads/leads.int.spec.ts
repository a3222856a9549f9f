import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { leadContext, type LeadReceived, type SealedLead } from '#contracts';
import { sealFor } from '#privacy';
import { testDatabase, type TestDatabase } from '#testing';
import { CoreParts, outcomeOf, sharedKeys } from '../commands/core-parts.fixture.js';

let database: TestDatabase;
let superuser: pg.Client;
let core: CoreParts;
let other: CoreParts;
let formId: string;
let receive: (parts?: Partial<SealedLead>, form?: string) => Promise<LeadReceived>;
let numbersGiven = 0;
const freshNumber = (): string => `+7916555${String((numbersGiven += 1)).padStart(4, '0')}`;

beforeAll(async () => {
  database = await testDatabase();
  superuser = new pg.Client({ connectionString: database.superuserUrl });
  await superuser.connect();
  const keys = await sharedKeys();
  core = await new CoreParts(database.coreUrl, keys).begin();
  other = new CoreParts(database.coreUrl, keys, '1');
  formId = (await core.send('CreateForm', { name: 'Site' })).id;
  receive = async (parts = {}, form = formId) => {
    const leadId = randomUUID();
    const plain = JSON.stringify({ name: 'Lead', attribution: {}, ip: '192.0.2.9', ...parts });
    const sealed = await sealFor(keys.receiver.publicJwk, plain, leadContext(leadId));
    return { leadId, formId: form, receivedAt: '2026-01-01T00:00:00.000Z', sealed };
  };
});
afterAll(async () => {
  await other.end();
  await core.end();
  await superuser.end();
  await database.drop();
});

interface Deal {
  readonly contact_ids: readonly string[];
  readonly responsible_id: string | null;
}
const dealsOf = (...leads: readonly LeadReceived[]): Promise<Deal[]> =>
  core.rows<Deal>('SELECT contact_ids, responsible_id FROM read.deals WHERE lead_id = ANY($1)', [
    leads.map(({ leadId }) => leadId),
  ]);
const rowOf = async ({ leadId }: LeadReceived): Promise<Record<string, unknown> | undefined> =>
  (await core.rows('SELECT state, reason, shown, version FROM read.leads WHERE id = $1', [leadId]))[0];
const hasKey = async ({ leadId }: LeadReceived): Promise<boolean> =>
  (await core.rows('SELECT 1 FROM vault.keys WHERE owner = $1', [`lead-${leadId}`])).length > 0;
const act = (name: 'AcceptLead' | 'DeclineLead' | 'RetryLead', { leadId }: LeadReceived, userId = core.administratorId) =>
  outcomeOf(core.send(name, {}, { targetId: leadId, userId }));
const person = async (fields: object = {}): Promise<string> =>
  (await core.send('CreateUser', { email: `${randomUUID()}@example.org`, name: 'P', ...fields })).id;
const contact = async (phone: string, responsibleId: string | null = null): Promise<string> =>
  (await core.send('CreateContact', { name: 'Known', phones: [{ number: phone }], responsibleId })).id;

it('the address that a lead came from is in clear nowhere', async () => {
  const [taken, waiting] = [await receive({ ip: '192.0.2.77' }), await receive({ ip: '192.0.2.77' })];
  const { id: quarantining } = await core.send('CreateForm', { name: 'Apart', quarantine: true });
  await core.leads.process(taken);
  await core.leads.process({ ...waiting, formId: quarantining });
  const { rows } = await superuser.query(`SELECT FROM es.events AS e WHERE e.metadata->>'correlationId' = ANY($1)`, [
    [taken.leadId, waiting.leadId],
  ]);
  expect(rows.length).toBeGreaterThan(2);
  for (const table of ['es.events', 'read.audit', 'read.leads', 'read.deals', 'read.contacts']) {
    const found = await superuser.query(`SELECT FROM ${table} AS t WHERE t::text LIKE '%192.0.2.77%'`);
    expect(`${table} ${found.rowCount}`).toBe(`${table} 0`);
  }
});

describe('a lead that comes again', () => {
  it('makes nothing, also when every record of commands is gone', async () => {
    const lead = await receive();
    await core.leads.process(lead);
    await core.leads.process(lead);
    await core.rows('DELETE FROM es.commands');
    await core.leads.process(lead);
    expect(await core.leads.committed([lead.leadId, randomUUID()])).toEqual([lead.leadId]);
    expect(await dealsOf(lead)).toHaveLength(1);
  });

  it('makes one deal of many at once, over two cores', async () => {
    const lead = await receive();
    await Promise.all(Array.from({ length: 12 }, (_, n) => (n % 2 === 0 ? core : other).leads.process(lead)));
    expect(await dealsOf(lead)).toHaveLength(1);
  });

  it('stays where it was put aside, and declined', async () => {
    const [aside, quarantined] = [await receive(), await receive({ quarantineReason: 'honeypot' })];
    await core.leads.setAside(aside, 'RangeError');
    await core.leads.setAside(aside, 'RangeError');
    await core.leads.process(aside);
    await core.leads.process(quarantined);
    expect(await act('DeclineLead', quarantined)).toBe('ok');
    await core.leads.process(quarantined);
    expect(await core.leads.committed([aside.leadId, quarantined.leadId])).toHaveLength(2);
    expect(await dealsOf(aside, quarantined)).toEqual([]);
  });
});

describe('the person of a lead', () => {
  it('is one contact, however many leads of his come at once, over two cores', async () => {
    const leads = await Promise.all(Array.from({ length: 12 }, () => receive({ phone: '8 916 444-00-01', name: 'A' })));
    await Promise.all(leads.map((lead, n) => (n % 2 === 0 ? core : other).leads.process(lead)));
    const deals = await dealsOf(...leads);
    expect(deals).toHaveLength(12);
    expect(new Set(deals.flatMap(({ contact_ids: ids }) => ids)).size).toBe(1);
  });

  it('of whom there are several is a new contact, with them as possible duplicates for those who may see all of them', async () => {
    const [number, seller, head] = [freshNumber(), await person(), await person()];
    const known = [await contact(number, seller), await contact(number, head)].sort();
    const lead = await receive({ phone: number, email: 'someone@example.org' });
    await core.leads.process(lead);
    const [deal] = await dealsOf(lead);
    expect(known).not.toContain(deal?.contact_ids[0]);
    const duplicates = async (people: readonly string[] | null): Promise<unknown> => {
      const [row] = await core.rows<{ ids: unknown }>('SELECT read.possible_duplicates($1, $2) AS ids', [lead.leadId, people]);
      return row?.ids;
    };
    expect(await duplicates(null)).toEqual(known);
    expect(await duplicates([seller, head])).toEqual(known);
    expect(await duplicates([seller])).toBeNull();
    expect(await duplicates([])).toBeNull();
    // One that is hidden, or erased, is named no more; who could not see it is told nothing still.
    const [gone] = known;
    await core.send('DeleteContact', {}, { targetId: String(gone) });
    expect(await duplicates([seller, head])).toEqual(known.slice(1));
    await core.send('EraseContact', { reason: 'asked for' }, { targetId: String(gone) });
    expect(await duplicates([seller, head])).toEqual(known.slice(1));
    expect([await duplicates([seller]), await duplicates([head])]).toEqual([null, null]);
    // A lead of one who was erased makes a new person: what is left of his number is the two others.
    expect((await core.rows('SELECT 1 FROM vault.points WHERE record_id = $1', [gone])).length).toBe(0);
  });
});

describe('whose a lead is', () => {
  it('goes round in a department, evenly over two cores, and passes over who is not there', async () => {
    const departmentId = randomUUID();
    await core.rows(`INSERT INTO read.departments (id, name, version) VALUES ($1, 'Sales', 1)`, [departmentId]);
    const people = await Promise.all(Array.from({ length: 6 }, () => person({ departmentId })));
    const [held, deactivated, invited, ...present] = people;
    await core.rows(`UPDATE read.principals SET status = 'deactivated' WHERE user_id = $1`, [deactivated]);
    await core.rows(`UPDATE read.principals SET status = 'invited' WHERE user_id = $1`, [invited]);
    await superuser.query(`INSERT INTO watch.holds (user_id, epoch, cause, at) VALUES ($1, 0, '{}', now())`, [held]);
    const form = (await core.send('CreateForm', { name: 'Turns', assign: { departmentId } })).id;
    const run = async (count: number): Promise<Map<string | null, number>> => {
      const leads = await Promise.all(Array.from({ length: count }, () => receive({ phone: freshNumber() }, form)));
      await Promise.all(
        leads.map((lead, n) => (n % 2 === 0 ? core : other).leads.process(lead).catch(() => core.leads.process(lead))),
      );
      const turns = (await dealsOf(...leads)).map(({ responsible_id: id }) => id);
      return new Map([...Map.groupBy(turns, (id) => id)].map(([id, given]) => [id, given.length]));
    };
    // A lead that fails takes no turn.
    const failing = { ...(await receive({}, form)), sealed: 'x' };
    const first = await run(20);
    await expect(core.leads.process(failing)).rejects.toThrow();
    const second = await run(20);
    for (const counts of [first, second]) {
      expect([...counts.keys()].sort()).toEqual([...present].sort());
      expect(Math.max(...counts.values()) - Math.min(...counts.values())).toBeLessThanOrEqual(1);
    }
    const total = present.map((id) => (first.get(id) ?? 0) + (second.get(id) ?? 0));
    expect(Math.max(...total) - Math.min(...total)).toBeLessThanOrEqual(1);
    await core.rows(`UPDATE read.principals SET status = 'deactivated' WHERE department_id = $1`, [departmentId]);
    expect([...(await run(2))]).toEqual([[null, 2]]);
  });
});

describe('a lead in quarantine', () => {
  it('is shown masked and nothing else, until it is accepted, once, as it would have been when it came', async () => {
    const number = freshNumber();
    const lead = await receive({ phone: number, message: `Call ${number}`, quarantineReason: 'rate', attribution: { a: 'b' } });
    await core.leads.process(lead);
    expect(await dealsOf(lead)).toEqual([]);
    const row = await rowOf(lead);
    expect(row).toMatchObject({
      state: 'quarantined',
      reason: 'rate',
      shown: { name: 'Lead', phone: `+7 *** ***-**-${number.slice(-2)}` },
    });
    expect(JSON.stringify(row)).not.toContain(number.slice(-7));
    const outsider = await person();
    expect(await act('AcceptLead', lead, outsider)).toBe('forbidden');
    expect(await Promise.all([1, 2, 3].map(() => act('AcceptLead', lead)))).toEqual(['ok', 'ok', 'ok']);
    const deals = await dealsOf(lead);
    expect(deals).toHaveLength(1);
    expect(
      await core.rows('SELECT values FROM read.deal_attributions a JOIN read.deals d ON d.id = a.deal_id WHERE d.lead_id = $1', [
        lead.leadId,
      ]),
    ).toEqual([{ values: { a: 'b' } }]);
    expect(await rowOf(lead)).toMatchObject({ state: 'accepted', reason: null, shown: null, version: 3 });
    expect([await act('DeclineLead', lead), await act('AcceptLead', { ...lead, leadId: randomUUID() })]).toEqual([
      'lead-settled',
      'not-found',
    ]);
  });

  it('is put there by its form, and declined is gone for good', async () => {
    const form = (await core.send('CreateForm', { name: 'Checked', quarantine: true })).id;
    const lead = await receive({ phone: freshNumber() }, form);
    await core.leads.process(lead);
    expect(await rowOf(lead)).toMatchObject({ state: 'quarantined', reason: 'form' });
    expect(await hasKey(lead)).toBe(true);
    expect([await act('DeclineLead', lead), await act('DeclineLead', lead), await act('AcceptLead', lead)]).toEqual([
      'ok',
      'ok',
      'lead-settled',
    ]);
    expect([await rowOf(lead), await hasKey(lead)]).toEqual([undefined, false]);
    const trail = await core.rows('SELECT type, actor_id, details FROM read.audit WHERE details->>$1 = $2 ORDER BY id', [
      'leadId',
      lead.leadId,
    ]);
    expect(trail).toEqual([
      { type: 'lead.quarantined', actor_id: null, details: { leadId: lead.leadId, formId: form, reason: 'form' } },
      { type: 'lead.declined', actor_id: core.administratorId, details: { leadId: lead.leadId } },
    ]);
  });

  it('goes with the person it speaks of when he is erased, and others of the same mask stay', async () => {
    const number = '+79165559177';
    const id = await contact(number);
    const [same, alike, aside, taken] = [
      await receive({ phone: '8 (916) 555-91-77', quarantineReason: 'honeypot' }),
      await receive({ phone: '+79165550077', quarantineReason: 'honeypot' }),
      await receive({ phone: number }),
      await receive({ phone: number }),
    ];
    for (const lead of [same, alike, taken]) await core.leads.process(lead);
    await core.leads.setAside(aside, 'RangeError');
    await core.send('EraseContact', { reason: 'asked for' }, { targetId: id });
    const [act_] = await core.rows<{ act: { erasedLeadIds: string[] } }>('SELECT act FROM read.erasures WHERE contact_id = $1', [
      id,
    ]);
    expect(act_?.act.erasedLeadIds.toSorted()).toEqual([same, aside, taken].map(({ leadId }) => leadId).sort());
    expect(await Promise.all([same, aside, taken, alike].map(hasKey))).toEqual([false, false, false, true]);
    expect(await rowOf(alike)).toMatchObject({ state: 'quarantined' });
    expect(await act('AcceptLead', same)).toBe('lead-settled');
  });
});

describe('a lead that was set aside', () => {
  it('is shown masked with a code, and tried again by administrators alone', async () => {
    const number = freshNumber();
    const lead = await receive({ phone: number });
    const unknown = await receive({ phone: number }, randomUUID());
    const odd = await receive({ name: 'a\u0000b\ud800', attribution: { 'k\u0000': '\udfff' } });
    const broken = { ...(await receive()), sealed: 'not.a.lead' };
    await expect(core.leads.process(unknown)).rejects.toMatchObject({ code: 'unknown-form' });
    await core.leads.setAside(lead, 'RangeError');
    await core.leads.setAside(unknown, 'unknown-form');
    await core.leads.setAside(broken, 'JWEInvalid');
    await expect(core.leads.process(odd)).rejects.toThrow();
    await core.leads.setAside(odd, '22021');
    expect(await rowOf(odd)).toMatchObject({ shown: { name: 'a\ufffdb\ufffd' } });
    expect(await rowOf(lead)).toMatchObject({
      state: 'set-aside',
      reason: 'RangeError',
      shown: { phone: expect.stringContaining('***') },
    });
    expect(await rowOf(broken)).toMatchObject({ state: 'set-aside', shown: null });
    const outsider = await person();
    expect(await act('RetryLead', lead, outsider)).toBe('forbidden');
    expect([await act('AcceptLead', lead), await act('RetryLead', unknown), await act('RetryLead', broken)]).toEqual([
      ...['not-found', 'lead-unprocessable', 'lead-unprocessable'],
    ]);
    expect([await act('RetryLead', lead), await act('RetryLead', lead)]).toEqual(['ok', 'ok']);
    expect(await dealsOf(lead)).toHaveLength(1);
    expect([await act('DeclineLead', unknown), await rowOf(unknown), await dealsOf(unknown, broken)]).toEqual([
      'ok',
      undefined,
      [],
    ]);
  });

  it('by an older release is taken over into the log', async () => {
    const lead = await receive();
    await core.rows('INSERT INTO es.leads_set_aside (lead_id, form_id, reason_code, received) VALUES ($1, $2, $3, $4)', [
      ...[lead.leadId, formId, 'RangeError', JSON.stringify(lead)],
    ]);
    await core.leads.adoptSetAside();
    expect(await rowOf(lead)).toMatchObject({ state: 'set-aside', reason: 'RangeError' });
    expect(await core.rows('SELECT 1 FROM es.leads_set_aside')).toEqual([]);
  });
});
