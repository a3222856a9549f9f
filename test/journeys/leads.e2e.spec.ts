import { createHmac, randomUUID } from 'node:crypto';
import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { HttpClient, startSystem, type HttpAnswer, type System } from '#testing';
import { whileBrokerStands } from './broker-pause.js';
import {
  answered,
  eventually,
  everyRow,
  freshEmail,
  freshNumber,
  made,
  maskOf,
  outcome,
  outcomeOf,
  persistently,
  Staff,
  unique,
  type Grants,
  type Json,
  type Made,
  type Person,
} from './staff.js';

type Deal = Made & { leadId: string | null; contactIds: string[]; attribution?: Json; title: string; stageId: string };
type Lead = { leadId: string };

const VIEWS: Grants = { contact: { view: 'allowed' }, deal: { view: 'allowed' }, pipelines: { view: 'allowed' } };

describe('leads', () => {
  let system: System;
  let staff: Staff;
  let ingest: HttpClient;
  let form: Made & { key: string };
  let manager: Person;

  beforeAll(async () => {
    system = await startSystem();
    staff = await Staff.of(system);
    ingest = new HttpClient(system.ingestUrl);
    manager = await staff.person({ grants: VIEWS });
    form = (await made(staff.admin.post('/v1/forms', { name: 'Сайт', quarantineAfter: null }))) as Made & { key: string };
    await inForce(form.key);
  }, 100_000);
  afterAll(() => system?.stop());

  const path = (key = form.key): string => `/v1/forms/${key}/leads`;
  const send = (body: Json, headers?: Record<string, string>, key?: string): Promise<HttpAnswer<Lead>> =>
    ingest.post<Lead>(path(key), body, headers);
  const accepted = async (body: Json, headers?: Record<string, string>, key?: string): Promise<string> =>
    (await answered(202, send(body, headers, key))).leadId;

  /** A form is known to ingest when it judges bodies instead of answering that there is none. */
  const inForce = (key: string): Promise<true> =>
    eventually(
      'the form to be in force',
      async () => ((await ingest.post(path(key), {})).status === 422 ? true : undefined),
      5_000,
    );

  const dealsOf = async (leadIds: readonly string[]): Promise<Deal[]> =>
    (await everyRow<Deal>(staff.admin, '/v1/deals')).filter(({ leadId }) => leadId !== null && leadIds.includes(leadId));

  /** The cards of the deals of leads, all of them there. */
  async function arrived(leadIds: readonly string[], withinMs?: number): Promise<Deal[]> {
    const rows = await eventually(
      'leads to arrive',
      async () => {
        const deals = await dealsOf(leadIds).catch(() => []);
        return new Set(deals.map(({ leadId }) => leadId)).size === new Set(leadIds).size ? deals : undefined;
      },
      withinMs,
    );
    return Promise.all(rows.map(({ id }) => cardOf(staff.admin, 'deals', id) as Promise<Deal>));
  }
  const cardOf = async (client: HttpClient, route: string, id: string): Promise<Json> =>
    answered(
      200,
      persistently(() => client.get(`/v1/${route}/${id}`)),
    );

  it('become a contact and a deal, once under one key', async () => {
    const [number, address, mark] = [freshNumber(), freshEmail(), unique('campaign')];
    const body = {
      ...{ name: 'Иван Петров', phone: number, email: address, company: 'ООО Ромашка', message: `Позвоните на ${number}` },
      attribution: { utm_source: 'yandex', utm_campaign: mark, adCost: '120.50', city: 'Казань' },
      consent: { textId: 'pd-2026-09', givenAt: '2026-11-23T10:00:00Z' },
      yclid: 'y-1',
      responsibleId: manager.id,
    };
    const key = { 'idempotency-key': unique('lead') };
    const together = await Promise.all(Array.from({ length: 50 }, () => accepted(body, key)));
    const [first = ''] = together;
    expect(new Set(together).size).toBe(1);
    expect(await outcome(send({ ...body, message: 'other' }, key))).toBe('422 idempotency-key-reused');
    const [row] = await arrived([first]);
    expect(await accepted(body, key)).toBe(first);

    const deal = (await cardOf(staff.admin, 'deals', row?.id ?? '')) as Deal;
    expect(deal).toMatchObject({ leadId: first, title: 'Lead from Сайт', status: 'open', responsibleId: null });
    expect(deal.attribution).toEqual({
      ...{ utm_source: 'yandex', utm_campaign: mark, adCost: '120.50', city: 'Казань', yclid: 'y-1' },
      'custom.responsibleId': manager.id,
    });
    const { items } = await answered(
      200,
      manager.client.get<{ items: Array<{ stages: Array<{ id: string }> }> }>('/v1/pipelines'),
    );
    expect(deal.stageId).toBe(items[0]?.stages[0]?.id);
    expect(deal.contactIds).toHaveLength(1);
    const contact = await cardOf(staff.admin, 'contacts', deal.contactIds[0] ?? '');
    expect(contact).toMatchObject({ name: 'Иван Петров', leadId: first, responsibleId: null });
    expect(contact['phones']).toMatchObject([{ masked: maskOf(number), unverified: true }]);
    // What the form has no field for is in the note, and a company that a stranger names links nothing.
    expect(deal).toMatchObject({ companyId: null, note: `ООО Ромашка\nПозвоните на ${maskOf(number)}` });
    expect(JSON.stringify([deal, contact])).not.toContain(number.slice(2));

    // Where he came from is not for everybody, and nothing to filter by either.
    const masked = await manager.client.get(`/v1/deals/${deal.id}`);
    expect(masked.status).toBe(200);
    expect(masked.body).not.toHaveProperty('attribution');
    expect(masked.text).not.toContain(mark);
    expect(await outcome(manager.client.get(`/v1/deals?attribution[utm_campaign]=${mark}`))).toBe('422 unknown-filter');
    expect((await manager.client.get('/v1/deals?limit=200')).text).not.toContain(mark);
    const marketer = await staff.person({ grants: { ...VIEWS, attribution: { view: 'allowed' } } });
    expect((await cardOf(marketer.client, 'deals', deal.id))['attribution']).toEqual(deal.attribution);
    const found = await everyRow(marketer.client, `/v1/deals?attribution[utm_campaign]=${mark}`);
    expect(found.map(({ id }) => id)).toEqual([deal.id]);
    expect(await dealsOf([first])).toHaveLength(1);
  });

  it('of one person make one contact, known or new, in any spelling', async () => {
    const number = freshNumber();
    const digits = number.slice(2);
    const local = `8 (${digits.slice(0, 3)}) ${digits.slice(3, 6)}-${digits.slice(6, 8)}-${digits.slice(8)}`;
    const together = await Promise.all([accepted({ phone: number, name: 'А' }), accepted({ phone: local, name: 'Б' })]);
    const deals = await arrived(together);
    expect(deals).toHaveLength(2);
    expect(new Set(deals.flatMap(({ contactIds }) => contactIds)).size).toBe(1);

    const address = freshEmail();
    const [later] = await arrived([await accepted({ phone: digits, email: address, name: 'Другое имя' })]);
    expect(later?.contactIds).toEqual(deals[0]?.contactIds);
    const [byMail] = await arrived([await accepted({ email: address.toUpperCase() })]);
    expect(byMail?.contactIds).toEqual(deals[0]?.contactIds);
    const contact = await cardOf(staff.admin, 'contacts', deals[0]?.contactIds[0] ?? '');
    expect(['А', 'Б']).toContain(contact['name']);
    expect(contact['phones']).toHaveLength(1);
    expect(contact['emails']).toHaveLength(1);

    const known = await made(staff.admin.post('/v1/contacts', { name: 'Known', phones: [{ number: freshNumber() }] }));
    const [answerNew, answerKnown] = [await send({ phone: freshNumber() }), await send({ phone: number })];
    await arrived([answerNew.body.leadId, answerKnown.body.leadId]);
    const shape = (answer: HttpAnswer<Lead>): unknown => [answer.status, Object.keys(answer.body), [...answer.headers.keys()]];
    expect(shape(answerKnown)).toEqual(shape(answerNew));
    expect((await cardOf(staff.admin, 'contacts', known.id))['version']).toBe(1);
  });

  it('without a key are two, and go to whom the form says', async () => {
    const department = await staff.department();
    const [one, two, absent] = await Promise.all([
      staff.person({ grants: VIEWS, departmentId: department }),
      staff.person({ grants: VIEWS, departmentId: department }),
      staff.person({ grants: VIEWS, departmentId: department }),
    ]);
    await answered(200, staff.admin.post(`/v1/users/${absent.id}/deactivate`, { reason: 'on leave' }));
    const given = (await made(
      staff.admin.post('/v1/forms', { name: 'Turns', assign: { departmentId: department } }),
    )) as typeof form;
    await inForce(given.key);
    const body = { name: 'Same twice', phone: freshNumber() };
    const leads = [];
    for (let index = 0; index < 4; index += 1) leads.push(await accepted(body, undefined, given.key));
    const deals = await arrived(leads);
    expect(deals).toHaveLength(4);
    const turns = deals.map((deal) => deal['responsibleId']);
    expect(turns.filter((id) => id === one.id)).toHaveLength(2);
    expect(turns.filter((id) => id === two.id)).toHaveLength(2);
  });

  it('of a person who could be several are a new contact, and who may see them all is told', async () => {
    const number = freshNumber();
    const [seller, other] = await Promise.all(
      [1, 2].map(() => staff.person({ grants: { contact: { view: 'responsible', create: 'allowed' } } })),
    );
    const known = [
      await made(staff.admin.post('/v1/contacts', { name: 'One', phones: [{ number }], responsibleId: seller?.id })),
      await made(staff.admin.post('/v1/contacts', { name: 'Two', phones: [{ number }], responsibleId: other?.id })),
    ].map(({ id }) => id);
    const asked = (await made(staff.admin.post('/v1/forms', { name: 'For one', assign: { userId: seller?.id } }))) as typeof form;
    await inForce(asked.key);
    const [deal] = await arrived([await accepted({ phone: number, email: freshEmail() }, undefined, asked.key)]);
    const id = deal?.contactIds[0] ?? '';
    expect(known).not.toContain(id);
    expect((await cardOf(staff.admin, 'contacts', id))['possibleDuplicates']).toEqual(known.toSorted());
    // His own contact, and one of the two others is not: he is told nothing, as of a contact that has none.
    expect(Object.keys(await cardOf(seller?.client as HttpClient, 'contacts', id))).not.toContain('possibleDuplicates');
    expect(Object.keys(await cardOf(manager.client, 'contacts', id))).toContain('possibleDuplicates');
    expect(Object.keys(await cardOf(staff.admin, 'contacts', known[0] ?? ''))).not.toContain('possibleDuplicates');
  });

  it('of a form that puts them aside wait until somebody accepts or declines them', async () => {
    const checked = (await made(staff.admin.post('/v1/forms', { name: 'Checked', quarantine: true }))) as typeof form;
    await inForce(checked.key);
    const numbers = Array.from({ length: 3 }, freshNumber);
    const leads: string[] = [];
    for (const phone of numbers)
      leads.push(await accepted({ name: 'Waits', phone, message: phone, utm_source: 'ads' }, undefined, checked.key));
    const clerk = await staff.person({ grants: { ...VIEWS, leads: { accept: 'allowed' } } });
    type Waiting = { id: string; lead: Json; reason: string; attribution?: Json };
    const waiting = (client = clerk.client, more = ''): Promise<Waiting[]> =>
      everyRow<Waiting>(client, `/v1/leads?formId=${checked.id}${more}`, 2);
    const rows = await eventually('leads to wait', async () => {
      const found = await waiting();
      return found.length === 3 ? found : undefined;
    });
    expect(new Set(rows.map(({ id }) => id))).toEqual(new Set(leads));
    expect(rows.map(({ lead }) => lead['phone']).sort()).toEqual(numbers.map(maskOf).sort());
    for (const number of numbers) expect(JSON.stringify(rows)).not.toContain(number.slice(-7));
    expect(rows[0]).toMatchObject({ reason: 'form', lead: { name: 'Waits' } });
    expect(rows[0]).not.toHaveProperty('attribution');
    expect((await waiting(staff.admin))[0]).toMatchObject({ attribution: { utm_source: 'ads' } });
    expect(await dealsOf(leads)).toEqual([]);

    const [one = '', two = '', three = ''] = leads;
    const act = (client: HttpClient, id: string, verb: string, key?: string): Promise<string> =>
      outcome(client.post(`/v1/leads/${id}/${verb}`, undefined, key === undefined ? {} : { 'idempotency-key': key }));
    const key = unique('accept');
    expect({
      list: await outcome(manager.client.get('/v1/leads')),
      accept: await act(manager.client, one, 'accept'),
      unknown: await act(clerk.client, form.id, 'accept'),
      filter: await outcome(clerk.client.get('/v1/leads?name=x')),
      aside: await outcome(clerk.client.get('/v1/leads?state=set-aside')),
      retry: await act(clerk.client, one, 'retry'),
      once: await Promise.all([act(clerk.client, one, 'accept', key), act(clerk.client, one, 'accept')]),
      repeated: await act(clerk.client, one, 'accept', key),
      declined: [await act(clerk.client, two, 'decline'), await act(clerk.client, two, 'decline')],
      late: [await act(clerk.client, two, 'accept'), await act(clerk.client, one, 'decline')],
    }).toEqual({
      ...{ list: '403 forbidden', accept: '403 forbidden', unknown: '404 not-found', filter: '422 unknown-filter' },
      ...{ aside: '403 forbidden', retry: '403 forbidden', once: ['200', '200'], repeated: '200' },
      ...{ declined: ['200', '200'], late: ['409 lead-settled', '409 lead-settled'] },
    });
    const [deal] = await arrived([one]);
    expect(deal).toMatchObject({ leadId: one, title: 'Lead from Checked', attribution: { utm_source: 'ads' } });
    expect((await waiting()).map(({ id }) => id)).toEqual([three]);
    expect(await dealsOf(leads)).toHaveLength(1);
    type Entry = { type: string; actorId: string | null; details: Json };
    const trail = await everyRow<Entry>(staff.admin, `/v1/audit?actorId=${clerk.id}`);
    const acts = trail.filter(({ type }) => type.startsWith('lead.')).map(({ type, details }) => [type, details]);
    expect(acts).toEqual([
      ['lead.declined', { leadId: two }],
      ['lead.released', { leadId: one, from: 'quarantined' }],
    ]);
  });

  it('that nobody can process are set aside with a code, and the others pass', async () => {
    const leadId = randomUUID();
    await publishLead({ leadId, formId: form.id, receivedAt: new Date().toISOString(), sealed: 'no.lead' });
    await arrived([await accepted({ name: 'Passes' })]);
    type Aside = { id: string; reason: string; lead: null };
    const row = await eventually('a lead to be set aside', async () => {
      const found = await everyRow<Aside>(staff.admin, '/v1/leads?state=set-aside');
      return found.find(({ id }) => id === leadId);
    });
    expect(row).toMatchObject({ formId: form.id, state: 'set-aside', lead: null });
    expect(row.reason).toMatch(/^[A-Za-z_ -]+$/);
    expect(await outcome(staff.admin.post(`/v1/leads/${leadId}/retry`))).toBe('409 lead-unprocessable');
    expect(await outcome(staff.admin.post(`/v1/leads/${leadId}/decline`))).toBe('200');
    expect(await everyRow(staff.admin, '/v1/leads?state=set-aside')).toEqual([]);
  });

  it("come by a login that moves core to no answer outside of services' inboxes", async () => {
    const { url, users } = system.connections.nats;
    const login = (name: 'core' | 'ingest') => ({
      ...{ servers: url, user: users[name].user, pass: users[name].password, inboxPrefix: `_INBOX_${name}` },
    });
    const [core, asker] = await Promise.all([connect(login('core')), connect(login('ingest'))]);
    const kept = async (): Promise<number> =>
      (await core.request('$JS.API.STREAM.INFO.CRM')).json<{ state: { messages: number } }>().state.messages;
    const question = JSON.stringify({ pattern: 'lead.forms', data: {}, id: randomUUID() });
    const before = await kept();
    expect(before).toBeGreaterThan(0);
    // Core may purge streams and ingest may not; the answer's subject would say which.
    asker.publish('lead.forms', question, { reply: '$JS.API.STREAM.PURGE.CRM' });
    const answer = await asker.request('lead.forms', question, { timeout: 5_000 });
    expect(answer.json()).toMatchObject({ response: { ok: true } });
    expect(await kept()).toBeGreaterThanOrEqual(before);
    await Promise.all([core.close(), asker.close()]);
  });

  /** As ingest would, with what ingest would not. */
  async function publishLead(lead: { readonly leadId: string; readonly formId: string } & Json): Promise<void> {
    const { url, users } = system.connections.nats;
    const { user, password: pass } = users.ingest;
    const connection = await connect({ servers: url, user, pass, inboxPrefix: '_INBOX_ingest' });
    await jetstream(connection).publish(`lead.received.${lead.formId}`, JSON.stringify(lead), { msgID: lead.leadId });
    await connection.close();
  }

  it('come by forms whose keys, secrets and settings are managed, each in force within a second', async () => {
    type Managed = typeof form & { secret?: string };
    const key = { 'idempotency-key': unique('form') };
    const settings = { name: 'Signed', requireSignature: true };
    const signedForm = (await made(staff.admin.post('/v1/forms', settings, key))) as Managed;
    const secret = String(signedForm.secret);
    expect(secret).toMatch(/^fsk_[\w-]{43}$/);
    // The same answer again, and never in another.
    expect(await made(staff.admin.post('/v1/forms', settings, key))).toEqual(signedForm);
    const seen = [await staff.admin.get(`/v1/forms/${signedForm.id}`), await staff.admin.get('/v1/forms?limit=200')];
    expect(seen.map(({ status, text }) => [status, text.includes(secret), text.includes('"secret"')])).toEqual([
      ...[
        [200, false, false],
        [200, false, false],
      ],
    ]);
    expect(seen[0]?.body).toEqual({
      ...{ id: signedForm.id, key: signedForm.key, version: 1, name: 'Signed', enabled: true, allowedOrigins: [] },
      ...{ pipelineId: null, stageId: null, titleTemplate: 'Lead from {form}', assign: null, requireConsent: false },
      ...{ requireSignature: true, quarantine: false, quarantineAfter: 60, successUrl: null, format: 'palisade' },
    });
    const body = JSON.stringify({ name: 'x' });
    const signed = async (by: string, formKey = signedForm.key): Promise<string> => {
      const t = Math.floor(Date.now() / 1_000);
      const v1 = createHmac('sha256', by).update(`${t}.${body}`).digest('hex');
      const headers = { 'content-type': 'application/json', 'palisade-signature': `t=${t},v1=${v1}` };
      return outcome(ingest.request('POST', path(formKey), { body, headers }));
    };
    const within = (what: string, ask: () => Promise<boolean>): Promise<true> =>
      eventually(what, async () => ((await ask()) ? true : undefined), 1_500);
    await within('the secret in force', async () => (await signed(secret)) === '202');
    expect(await signed('another-secret-of-nobody')).toBe('401 invalid-signature');
    expect(await outcome(send({ name: 'x' }, undefined, signedForm.key))).toBe('401 invalid-signature');
    const own = 'a-secret-of-the-client-itself';
    const patched = await answered(200, staff.admin.patch<Made>(`/v1/forms/${signedForm.id}`, { secret: own }));
    expect(patched).toEqual({ id: signedForm.id, version: 1 });
    await within('the new secret in force', async () => (await signed(own)) === '202');
    expect(await signed(secret)).toBe('401 invalid-signature');

    const rotated = await answered(200, staff.admin.post<Managed>(`/v1/forms/${signedForm.id}/rotate-key`));
    expect(rotated).toEqual({ id: signedForm.id, version: 2, key: expect.stringMatching(/^frm_[\w-]{24}$/) });
    await within('the new key in force', async () => (await signed(own, rotated.key)) === '202');
    expect(await signed(own)).toBe('404 unknown-form');

    expect(await outcome(staff.admin.patch(`/v1/forms/${form.id}`, { requireSignature: true }))).toBe('422 validation-failed');
    for (const wrong of [
      { secret: 'short' },
      { titleTemplate: '{name}' },
      { allowedOrigins: ['*'] },
      { successUrl: 'x:y' },
      { extra: 1 },
    ])
      expect([wrong, await outcome(staff.admin.patch(`/v1/forms/${form.id}`, wrong))]).toEqual([wrong, '422 validation-failed']);
    const reader = await staff.person({ grants: { forms: { view: 'allowed' } } });
    for (const refused of [
      reader.client.post('/v1/forms', settings),
      reader.client.post(`/v1/forms/${form.id}/rotate-key`),
      reader.client.delete(`/v1/forms/${form.id}`),
    ])
      expect(await outcome(refused)).toBe('403 forbidden');

    const audit = await staff.admin.get('/v1/audit?limit=200');
    expect([audit.text.includes('form.secret-set'), audit.text.includes(secret), audit.text.includes(own)]).toEqual([
      true,
      false,
      false,
    ]);
    expect(await outcome(staff.admin.delete(`/v1/forms/${signedForm.id}`))).toBe('204');
    await within('the form gone', async () => (await signed(own, rotated.key)) === '404 unknown-form');
    expect(await outcome(staff.admin.get(`/v1/forms/${signedForm.id}`))).toBe('404 not-found');
    expect(await outcome(staff.admin.patch(`/v1/forms/${signedForm.id}`, { enabled: true }))).toBe('404 not-found');
    expect(await outcome(staff.admin.delete(`/v1/forms/${signedForm.id}`))).toBe('404 not-found');
  });

  it('are refused whole when they are none, and leave nothing', async () => {
    const before = (await everyRow(staff.admin, '/v1/deals')).length;
    const off = (await made(staff.admin.post('/v1/forms', { name: 'Off' }))) as typeof form;
    await inForce(off.key);
    await answered(200, staff.admin.patch(`/v1/forms/${off.id}`, { enabled: false }));
    await eventually('the form to be off', async () =>
      (await outcome(send({}, undefined, off.key))) === '404 unknown-form' ? true : undefined,
    );
    const strict = (await made(staff.admin.post('/v1/forms', { name: 'Strict', requireConsent: true }))) as typeof form;
    await inForce(strict.key);
    const json = { 'content-type': 'application/json' };
    const raw = (body: string, headers: Record<string, string>): Promise<string> =>
      outcome(ingest.request('POST', path(), { body, headers }));
    expect({
      unknown: await outcome(send({ name: 'x' }, undefined, 'no-such-form')),
      consent: await outcome(send({ name: 'x' }, undefined, strict.key)),
      origin: await outcome(send({ name: 'x' }, { origin: 'https://elsewhere.example' })),
      malformed: await raw('{"name":', json),
      binary: await raw('\u0000\u0001', json),
      list: await raw('[]', json),
      type: await raw('name=x', { 'content-type': 'text/plain' }),
      large: await raw(JSON.stringify({ name: 'x', message: 'y'.repeat(70_000) }), json),
      empty: await outcome(send({})),
      wrong: await outcome(send({ name: 5 })),
      many: await outcome(
        send({ name: 'x', attribution: Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`k${i}`, 'v'])) }),
      ),
      key: await outcome(send({ name: 'x' }, { 'idempotency-key': 'k'.repeat(256) })),
      get: await outcome(ingest.get(path())),
    }).toEqual({
      ...{ unknown: '404 unknown-form', consent: '422 consent-required', origin: '403 origin-not-allowed' },
      ...{ malformed: '400 malformed-body', binary: '400 malformed-body', list: '422 validation-failed' },
      ...{ type: '415 unsupported-media-type', large: '413 body-too-large', empty: '422 validation-failed' },
      ...{ wrong: '422 validation-failed', many: '422 validation-failed', key: '422 validation-failed' },
      get: '405 method-not-allowed',
    });
    // What came after has arrived, so what was refused would have too.
    await arrived([await accepted({ name: 'After' })]);
    expect(await everyRow(staff.admin, '/v1/deals')).toHaveLength(before + 1);
  });

  const burst = (count: number): Promise<string[]> =>
    Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const answer = await persistently(() =>
          send({ name: `Lead ${index}`, phone: freshNumber() }, { 'idempotency-key': unique('k') }),
        );
        if (answer.status !== 202) throw new Error(`a lead was answered ${outcomeOf(answer)}`);
        return answer.body.leadId;
      }),
    );

  it.each([
    ['for a moment', false],
    ['until its loss is noticed', true],
  ])('are taken with the broker stopped %s, and arrive once each', async (_, untilNoticed) => {
    const leads = await whileBrokerStands(system, () => burst(12), { untilNoticed });
    const deals = await arrived(leads, 30_000);
    expect(deals).toHaveLength(12);
    expect(new Set(deals.flatMap(({ contactIds }) => contactIds)).size).toBe(12);
  });

  it.each(['crm-core', 'lead-ingest', 'nats', 'postgres'] as const)(
    'are taken while %s is killed, and arrive once each',
    async (service) => {
      const [early, , late] = await Promise.all([burst(6), system.kill(service), burst(6)]);
      const leads = [...early, ...late];
      await system.waitUntilReady(30_000);
      const deals = await arrived(leads, 30_000);
      expect(deals).toHaveLength(12);
      expect(new Set(deals.flatMap(({ contactIds }) => contactIds)).size).toBe(12);
    },
  );
});
