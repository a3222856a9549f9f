import pg from 'pg';
import { HttpClient, startSystem, type System } from '#testing';
import {
  answered,
  eventually,
  everyRow,
  freshEmail,
  freshNumber,
  made,
  outcome,
  Staff,
  unique,
  type Grants,
  type Json,
  type Made,
  type Person,
} from './staff.js';

type Act = Json & { erasedDealIds: string[]; keptDealIds: string[]; erasedLeadIds: string[]; categories: string[] };

const EVERYTHING = { view: 'allowed', create: 'allowed', edit: 'allowed', delete: 'allowed', restore: 'allowed' } as const;
const SELLER: Grants = { contact: EVERYTHING, company: EVERYTHING, deal: { ...EVERYTHING, move: 'allowed' } };

describe('erasing a person', () => {
  let system: System;
  let staff: Staff;
  let database: pg.Client;
  let seller: Person;
  let officer: Person;
  let narrow: Person;

  beforeAll(async () => {
    system = await startSystem({ cores: 2 });
    staff = await Staff.of(system);
    database = new pg.Client({ connectionString: system.connections.database.superuser });
    await database.connect();
    [seller, officer, narrow] = await Promise.all([
      staff.person({ grants: SELLER }),
      staff.person({ grants: { ...SELLER, records: { erase: 'allowed' }, phone: { view: 'allowed', reveal: 'allowed' } } }),
      staff.person({ grants: { contact: { view: 'responsible' } } }),
    ]);
  }, 100_000);
  afterAll(async () => {
    await database?.end();
    await system?.stop();
  });

  const reason = { reason: 'asked to be forgotten', requestRef: 'R-12' };

  it('leaves nothing of him anywhere, and everything of others', async () => {
    const [number, address] = [freshNumber(), freshEmail()];
    const [name, other] = [unique('Goner'), unique('Stayer')];
    const { id } = await made(
      seller.client.post('/v1/contacts', { name, phones: [{ number }], emails: [{ address }], note: `about ${name}` }),
    );
    const stayer = await made(seller.client.post('/v1/contacts', { name: other, phones: [{ number: freshNumber() }] }));
    const alone = await made(
      seller.client.post('/v1/deals', {
        title: `For ${name}`,
        note: name,
        contactIds: [id],
        amount: { value: '5', currency: 'RUB' },
      }),
    );
    const shared = await made(seller.client.post('/v1/deals', { title: 'For both', contactIds: [id, stayer.id] }));
    const lead = await leadOf(number, name);
    const [phone] = (await answered(200, officer.client.get<{ phones: Made[] }>(`/v1/contacts/${id}`))).phones;
    const showing = `/v1/contacts/${id}/phones/${phone?.id ?? ''}/reveal`;
    await answered(200, officer.client.post(showing, { reason: `${name} asked to be called` }));
    expect(await reasonsFor(id)).toEqual([`${name} asked to be called`]);
    const before = await copyOfReadModels();
    await database.query('ANALYZE');
    const moment = new Date().toISOString();

    expect(await outcome(seller.client.post(`/v1/contacts/${id}/erase`, reason))).toBe('403 forbidden');
    expect(await outcome(officer.client.post(`/v1/contacts/${id}/erase`, {}))).toBe('422 validation-failed');
    const named = { ...reason, reason: `${name}, ${reason.reason}` };
    const act = await answered(
      200,
      officer.client.post<Act>(`/v1/contacts/${id}/erase`, named, { 'idempotency-key': 'erase-1' }),
    );
    expect(act).toMatchObject({
      contactId: id,
      erasedBy: officer.id,
      ...reason,
      reason: `***-***, ${reason.reason}`,
      keptDealIds: [shared.id],
    });
    expect([...act.erasedDealIds].sort()).toEqual([alone.id, lead.dealId].sort());
    expect(act.erasedLeadIds).toEqual([lead.leadId]);
    expect(act.categories).toEqual(['name', 'phones', 'emails', 'note', 'deals', 'leads']);
    expect(await answered(200, officer.client.get(`/v1/contacts/${id}/destruction-act`))).toEqual(act);
    const again = officer.client.post<Act>(`/v1/contacts/${id}/erase`, named, { 'idempotency-key': 'erase-1' });
    expect(await answered(200, again)).toEqual(act);

    await expectGone(id, alone.id, moment, name);
    // That he was shown stays in the trail, why does not.
    expect(await reasonsFor(id)).toEqual([null]);
    // A restored copy of yesterday's read models, and of the vault's keys: nothing comes back.
    await restore(before);
    for (const instance of [0, 1]) await system.kill('crm-core', instance);
    // Core answers once it has compared what it reads with the log.
    await eventually('core to answer', async () =>
      (await outcome(officer.client.get(`/v1/contacts/${id}/history`))) === '410 erased' ? true : undefined,
    );
    await expectGone(id, alone.id, moment, name);
    const rows = await database.query('SELECT 1 FROM vault.keys WHERE owner = ANY($1)', [
      [`contact-${id}`, `deal-${alone.id}`, `lead-${lead.leadId}`],
    ]);
    expect(rows.rowCount).toBe(0);
    const reveals = `SELECT 1 FROM vault.keys k JOIN es.events e ON e.stream = k.owner WHERE e.data->>'recordId' = $1`;
    expect((await database.query(reveals, [id])).rowCount).toBe(0);
    expect(await reasonsFor(id)).toEqual([null]);

    expect(await answered(200, seller.client.get(`/v1/contacts/${stayer.id}`))).toMatchObject({ name: other });
    expect(await answered(200, seller.client.get(`/v1/deals/${shared.id}`))).toMatchObject({ title: 'For both' });
    expect(await answered(200, seller.client.get(`/v1/deals/${alone.id}`))).toMatchObject({
      ...{ title: 'erased', note: null, amount: { value: '5.00', currency: 'RUB' }, contacts: [{ id }] },
    });
    // The deal lives on under a key of its own.
    await answered(200, seller.client.patch(`/v1/deals/${alone.id}`, { title: 'Closed file' }));
    expect(await answered(200, seller.client.get(`/v1/deals/${alone.id}`))).toMatchObject({ title: 'Closed file' });

    // The same number arriving later is a new person.
    const next = await leadOf(number, unique('Next'));
    expect(next.contactId).not.toBe(id);
  }, 120_000);

  it('is told from what never was to those who could see him, and to nobody else', async () => {
    const { id } = await made(seller.client.post('/v1/contacts', { name: unique('Goner') }));
    await answered(200, seller.client.delete(`/v1/contacts/${id}`));
    await answered(200, officer.client.post(`/v1/contacts/${id}/erase`, reason));
    const asks = [
      (person: Person) => person.client.get(`/v1/contacts/${id}`),
      (person: Person) => person.client.get(`/v1/contacts/${id}/history`),
      (person: Person) => person.client.get(`/v1/contacts/${id}?at=${new Date().toISOString()}`),
    ];
    for (const ask of asks) {
      expect(await outcome(ask(seller))).toBe('410 erased');
      expect(await outcome(ask(narrow))).toBe('404 not-found');
    }
    expect(await outcome(seller.client.patch(`/v1/contacts/${id}`, { note: 'x' }))).toBe('410 erased');
    expect(await outcome(seller.client.post(`/v1/contacts/${id}/restore`))).toBe('410 erased');
    expect(await outcome(officer.client.post(`/v1/contacts/${id}/erase`, reason))).toBe('410 erased');
    expect(await outcome(seller.client.post('/v1/deals', { title: 'x', contactIds: [id] }))).toBe('404 not-found');
    expect(await outcome(seller.client.get(`/v1/contacts/${id}/destruction-act`))).toBe('403 forbidden');
    expect((await everyRow(seller.client, '/v1/contacts?deleted=true')).some((row) => row.id === id)).toBe(false);
  });

  it('and linking or showing him at the same time do not meet: a deal names him or he is gone', async () => {
    for (let round = 0; round < 10; round += 1) {
      const point = { number: freshNumber() };
      const goner = await made(seller.client.post('/v1/contacts', { name: unique('Goner'), phones: [point] }));
      const { id, phones } = goner as Made & { phones: Made[] };
      const reveal = () => officer.client.post(`/v1/contacts/${id}/phones/${phones[0]?.id ?? ''}/reveal`, reason);
      const showing = [reveal(), reveal()];
      const [erased, ...deals] = await Promise.all([
        officer.client.post<Act>(`/v1/contacts/${id}/erase`, reason),
        ...Array.from({ length: 4 }, () => seller.client.post<Made>('/v1/deals', { title: unique('Deal'), contactIds: [id] })),
      ]);
      expect(erased.status).toBe(200);
      const linked = deals.filter(({ status }) => status === 201).map(({ body }) => body.id);
      expect([...erased.body.erasedDealIds].sort()).toEqual(linked.sort());
      expect(deals.every(({ status }) => status === 201 || status === 404)).toBe(true);
      const shown = (await Promise.all(showing.map(outcome))).filter((told) => told === '200').length;
      const trail = await reasonsFor(id);
      expect([trail.length >= shown, trail.filter((told) => told !== null)]).toEqual([true, []]);
    }
  });

  it('counts as a deletion: limits hold for it, and twenty are told of', async () => {
    const wiper = await staff.person({ grants: { ...SELLER, records: { erase: 'allowed' } } });
    const goners = await Promise.all(
      Array.from({ length: 21 }, () => made(seller.client.post('/v1/contacts', { name: unique('Goner') }))),
    );
    await staff.monitoring({
      limits: [{ measure: 'record.deleted', window: 'day', max: 20, action: 'refuse', scope: { userIds: [wiper.id] } }],
    });
    for (const { id } of goners.slice(0, 20)) await answered(200, wiper.client.post(`/v1/contacts/${id}/erase`, reason));
    const last = goners[20]?.id ?? '';
    expect(await outcome(wiper.client.post(`/v1/contacts/${last}/erase`, reason))).toBe('403 view-limit-reached');
    expect(await outcome(wiper.client.delete(`/v1/contacts/${last}`))).toBe('403 view-limit-reached');
    expect(await outcome(seller.client.get(`/v1/contacts/${last}`))).toBe('200');
    const alarm = await eventually(
      'mass.deletion',
      async () => (await everyRow<Json>(staff.admin, `/v1/alerts?userId=${wiper.id}&type=mass.deletion`))[0],
    );
    expect(alarm).toMatchObject({ measure: 'record.deleted', count: 20, severity: 'critical' });
    await staff.monitoring({ limits: [] });
  });

  async function leadOf(phone: string, name: string): Promise<{ leadId: string; dealId: string; contactId: string }> {
    const form = (await made(staff.admin.post('/v1/forms', { name: unique('Form') }))) as Made & { key: string };
    const ingest = new HttpClient(system.ingestUrl);
    const leadId = await eventually('the lead to be taken', async () => {
      const { status, body } = await ingest.post<{ leadId: string }>(`/v1/forms/${form.key}/leads`, {
        name,
        phone,
        message: name,
      });
      return status === 202 ? body.leadId : undefined;
    });
    const deal = await eventually('the lead to arrive', async () =>
      (await everyRow<Made & { leadId: string }>(staff.admin, '/v1/deals')).find((row) => row.leadId === leadId),
    );
    const card = await answered(200, staff.admin.get<{ contactIds: string[] }>(`/v1/deals/${deal.id}`));
    return { leadId, dealId: deal.id, contactId: card.contactIds[0] as string };
  }

  async function reasonsFor(contactId: string): Promise<readonly unknown[]> {
    const entries = await everyRow<{ details: Json }>(staff.admin, '/v1/audit?type=phone.revealed');
    return entries.filter(({ details }) => details['contactId'] === contactId).map(({ details }) => details['reason']);
  }

  async function expectGone(id: string, dealId: string, moment: string, name: string): Promise<void> {
    for (const path of [`/v1/contacts/${id}`, `/v1/contacts/${id}/history`, `/v1/contacts/${id}?at=${moment}`])
      expect(await outcome(officer.client.get(path))).toBe('410 erased');
    const answers = await Promise.all(
      [
        ...[`/v1/deals/${dealId}`, `/v1/deals/${dealId}/history`, `/v1/deals/${dealId}?at=${moment}`, '/v1/contacts?limit=200'],
        ...['/v1/contacts?deleted=true', `/v1/contacts?q=${name}`, '/v1/deals?limit=200', `/v1/deals?q=${name}`],
      ].map((path) => officer.client.get(path)),
    );
    for (const { status, text } of answers) {
      expect(status).toBe(200);
      expect(text).not.toContain(name);
    }
    const tables = await database.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ('es', 'vault', 'read', 'access', 'watch', 'monitor')`,
    );
    expect(tables.rows.length).toBeGreaterThan(20);
    // What the planner sampled is a copy too.
    const sampled = await database.query(
      `SELECT schemaname, tablename, attname FROM pg_stats WHERE schemaname <> 'copied' AND position($1 IN pg_stats::text) > 0`,
      [name],
    );
    expect(sampled.rows).toEqual([]);
    for (const table of tables.rows) {
      const found = await database.query(`SELECT 1 FROM ${table.name} AS t WHERE t::text LIKE '%' || $1 || '%'`, [name]);
      expect([table.name, found.rowCount]).toEqual([table.name, 0]);
    }
  }

  /** Yesterday's read models, and yesterday's keys, as a backup holds them. */
  async function copyOfReadModels(): Promise<readonly string[]> {
    const names = ['read.contacts', 'read.deals', 'read.deal_attributions', 'read.reveals', 'vault.keys', 'vault.points'];
    await database.query('DROP SCHEMA IF EXISTS copied CASCADE; CREATE SCHEMA copied');
    for (const name of names) await database.query(`CREATE TABLE copied.${name.split('.')[1]} AS TABLE ${name}`);
    return names;
  }

  async function restore(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const columns = await database.query<{ list: string }>(
        `SELECT string_agg(quote_ident(attname), ', ') AS list FROM pg_attribute
         WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`,
        [name],
      );
      const { list } = columns.rows[0] as { list: string };
      await database.query(`DELETE FROM ${name}`);
      await database.query(`INSERT INTO ${name} (${list}) SELECT ${list} FROM copied.${name.split('.')[1]}`);
    }
    await database.query('DROP SCHEMA copied CASCADE');
  }
});
