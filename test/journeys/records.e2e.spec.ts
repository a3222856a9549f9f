import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { startSystem, type HttpAnswer, type System } from '#testing';
import {
  answered,
  eventually,
  everyRow,
  freshEmail,
  freshNumber,
  made,
  maskOf,
  outcome,
  Staff,
  unique,
  type Grants,
  type Json,
  type Made,
  type Person,
} from './staff.js';

type Point = Json & { id: string; masked: string; number?: string; address?: string; label: string | null };
type Card = Made & { phones: Point[]; emails: Point[]; note: string | null };

const EVERYTHING = {
  view: 'allowed',
  create: 'allowed',
  edit: 'allowed',
  delete: 'allowed',
  restore: 'allowed',
  assign: 'allowed',
} as const;
const SELLER: Grants = {
  contact: EVERYTHING,
  company: EVERYTHING,
  deal: { ...EVERYTHING, move: 'allowed' },
  pipelines: { view: 'allowed' },
};
const KINDS = [
  ['contacts', 'name'],
  ['companies', 'name'],
  ['deals', 'title'],
] as const;

describe('records', () => {
  let system: System;
  let staff: Staff;
  /** May do everything to records, and sees no numbers. */
  let seller: Person;
  /** Sees full numbers. */
  let trusted: Person;
  /** Sees only what is his. */
  let narrow: Person;

  beforeAll(async () => {
    system = await startSystem();
    staff = await Staff.of(system);
    [seller, trusted, narrow] = await Promise.all([
      staff.person({ grants: SELLER }),
      staff.person({ grants: { ...SELLER, phone: { view: 'allowed' }, email: { view: 'allowed' } } }),
      staff.person({
        grants: Object.fromEntries(['contact', 'company', 'deal'].map((type) => [type, { ...EVERYTHING, view: 'responsible' }])),
      }),
    ]);
  }, 100_000);
  afterAll(() => system?.stop());

  const card = async (path: string, person = seller): Promise<Card> => (await answered(200, person.client.get(path))) as Card;

  describe.each(KINDS)('%s', (route, title) => {
    const create = (more: Json = {}): Promise<Made> =>
      made(seller.client.post(`/v1/${route}`, { [title]: unique('Record'), ...more }));

    it('are created, listed and opened', async () => {
      const name = unique('Record');
      const answer = await seller.client.post<Made>(`/v1/${route}`, { [title]: name, note: 'first', tags: ['a', 'b'] });
      expect(answer.status).toBe(201);
      expect(answer.headers.get('etag')).toBe('"1"');
      expect(answer.headers.get('cache-control')).toBe('no-store');
      const { id } = answer.body;
      const opened = await seller.client.get<Made>(`/v1/${route}/${id}`, { 'if-none-match': '"1"' });
      expect(opened.status).toBe(200);
      expect(opened.headers.get('etag')).toBe('"1"');
      expect(opened.headers.get('cache-control')).toBe('no-store');
      expect(opened.body).toEqual(answer.body);
      expect(opened.body).toMatchObject({ id, [title]: name, responsibleId: seller.id, note: 'first', version: 1 });
      const row = (await everyRow(seller.client, `/v1/${route}`)).find((one) => one.id === id);
      expect(row).toMatchObject({ id, [title]: name, tags: ['a', 'b'], version: 1 });
      expect(row).not.toHaveProperty('note');
      expect((await seller.client.request('HEAD', `/v1/${route}/${id}`)).status).toBe(405);
    });

    it('are changed at the version that If-Match names, or as they are', async () => {
      const { id } = await create({ note: 'first' });
      const path = `/v1/${route}/${id}`;
      const second = await seller.client.patch(path, { note: 'second' }, { 'if-match': '"1"' });
      expect([second.status, second.body, second.headers.get('etag')]).toEqual([200, { id, version: 2 }, '"2"']);
      for (const stale of ['"1"', '"7"'])
        expect(await outcome(seller.client.patch(path, { note: 'lost' }, { 'if-match': stale }))).toBe('412 version-conflict');
      expect(await outcome(seller.client.delete(path, { 'if-match': '"1"' }))).toBe('412 version-conflict');
      expect(await card(path)).toMatchObject({ note: 'second', version: 2 });
      await answered(200, seller.client.patch(path, { note: null, tags: ['x'] }));
      expect(await card(path)).toMatchObject({ note: null, tags: ['x'], version: 3 });
    });

    it('are hidden and brought back', async () => {
      const { id } = await create();
      const path = `/v1/${route}/${id}`;
      await answered(200, seller.client.delete(path));
      expect(await outcome(seller.client.get(path))).toBe('404 not-found');
      expect(await outcome(staff.admin.get(path))).toBe('404 not-found');
      expect(await outcome(seller.client.patch(path, { note: 'x' }))).toBe('404 not-found');
      expect(await outcome(seller.client.delete(path))).toBe('404 not-found');
      const listed = async (person: Person, query: string): Promise<boolean> =>
        (await everyRow(person.client, `/v1/${route}${query}`)).some((row) => row.id === id);
      expect([await listed(seller, ''), await listed(seller, '?deleted=true')]).toEqual([false, true]);
      expect(await listed(narrow, '?deleted=true')).toBe(false);
      await answered(200, seller.client.post(`${path}/restore`));
      expect(await card(path)).toMatchObject({ id, version: 3 });
      expect([await listed(seller, ''), await listed(seller, '?deleted=true')]).toEqual([true, false]);
      expect(await outcome(seller.client.post(`${path}/restore`))).toBe('409 not-deleted');
    });

    it('are given to others', async () => {
      const { id } = await create();
      const path = `/v1/${route}/${id}`;
      const assign = (responsibleId: unknown): Promise<string> =>
        outcome(seller.client.post(`${path}/assign`, { responsibleId }));
      expect(await outcome(narrow.client.get(path))).toBe('404 not-found');
      expect(await assign(narrow.id.toUpperCase())).toBe('200');
      expect(await card(path, narrow)).toMatchObject({ responsibleId: narrow.id, version: 2 });
      expect(await assign(null)).toBe('200');
      expect(await outcome(narrow.client.get(path))).toBe('404 not-found');
      expect(await assign(randomUUID())).toMatch(/^422 /);
      const gone = await staff.person();
      await answered(200, staff.admin.post(`/v1/users/${gone.id}/deactivate`, { reason: 'left the company' }));
      expect(await assign(gone.id)).toBe('422 responsible-inactive');
      expect(await card(path)).toMatchObject({ responsibleId: null, version: 3 });
    });

    it('answer alike for what one may not see and what there is not', async () => {
      const { id } = await create();
      const facts = ({ status, body, headers }: HttpAnswer<Json>): unknown => ({
        status,
        body: { ...body, requestId: '' },
        headers: [...headers.entries()].filter(([name]) => !['date', 'x-request-id'].includes(name)),
      });
      const routes: Array<[string, string, Json?]> = [
        ['GET', ''],
        ['PATCH', '', { note: 'x' }],
        ['DELETE', ''],
        ['POST', '/assign', { responsibleId: null }],
        ['POST', '/restore'],
      ];
      for (const [method, rest, body] of routes) {
        const ask = async (target: string): Promise<unknown> =>
          facts(await narrow.client.request(method, `/v1/${route}/${target}${rest}`, { body }));
        const invisible = await ask(id);
        expect(invisible).toMatchObject({ status: 404, body: { code: 'not-found' } });
        expect(invisible).toEqual(await ask(randomUUID()));
        expect(invisible).toEqual(await ask('no-id'));
      }
      expect(await card(`/v1/${route}/${id}`)).toMatchObject({ version: 1 });
    });

    it('take ids in any case', async () => {
      const { id } = await create();
      const path = `/v1/${route}/${id.toUpperCase()}`;
      expect((await card(path)).id).toBe(id);
      expect(await answered(200, seller.client.patch(path, { note: 'x' }))).toEqual({ id, version: 2 });
      const rows = await everyRow(seller.client, `/v1/${route}?responsibleId=${seller.id.toUpperCase()}`);
      expect(rows.some((row) => row.id === id)).toBe(true);
    });

    it('are found by the beginnings of their words, in any case and script', async () => {
      const mark = unique('ж').replaceAll('-', '');
      const { id } = await create({ [title]: `Иван ${mark} Петров-Водкин` });
      const found = async (q: string): Promise<boolean> =>
        (await everyRow(seller.client, `/v1/${route}?q=${encodeURIComponent(q)}`)).some((row) => row.id === id);
      for (const q of [`${mark} иван`, `ИВА ${mark.slice(0, 9).toUpperCase()}`, 'петр', 'водк', 'Петров-Вод'])
        expect([q, await found(q)]).toEqual([q, true]);
      for (const q of ['ван', `${mark}x`, '%', '***', "'", ':*', ' ', '\\', '& |'])
        expect([q, await found(q)]).toEqual([q, false]);
    });

    it('are paged through without a gap or a double, in every order', async () => {
      const mark = unique('page').replaceAll('-', '');
      const ids: string[] = [];
      for (let index = 0; index < 7; index += 1) {
        const amount = route === 'deals' && index % 3 > 0 ? { amount: { value: String(index % 2), currency: 'RUB' } } : {};
        ids.push((await create({ [title]: `${mark} ${index % 3}`, ...amount })).id);
      }
      const path = `/v1/${route}?q=${mark}`;
      const fields = ['createdAt', 'updatedAt', title, ...(route === 'deals' ? ['amount'] : [])];
      for (const sort of fields.flatMap((field) => [field, `-${field}`])) {
        const paged = (await everyRow(seller.client, `${path}&sort=${sort}`, 3)).map((row) => row.id);
        expect([sort, [...paged].sort()]).toEqual([sort, [...ids].sort()]);
        expect(paged).toEqual((await everyRow(seller.client, `${path}&sort=${sort}`)).map((row) => row.id));
      }
      expect((await everyRow(seller.client, path, 1)).map((row) => row.id)).toEqual([...ids].reverse());
      const first = await seller.client.get<{ nextCursor: string }>(`${path}&limit=3`);
      const refusals = {
        [`&cursor=${first.body.nextCursor}&sort=${title}`]: '422 invalid-cursor',
        '&cursor=garbage': '422 invalid-cursor',
        '&cursor=': '422 invalid-cursor',
        '&limit=0': '422 validation-failed',
        '&limit=201': '422 validation-failed',
        '&limit=1.5': '422 validation-failed',
        '&colour=red': '422 unknown-filter',
        '&phone=1': '422 unknown-filter',
        '&sort=phones': '422 unknown-sort',
        '&sort=note': '422 unknown-sort',
        '&responsibleId=me': '422 validation-failed',
      };
      for (const [query, expected] of Object.entries(refusals))
        expect([query, await outcome(seller.client.get(path + query))]).toEqual([query, expected]);
    });

    it('are created once under one key', async () => {
      const body = { [title]: unique('Record') };
      const key = { 'idempotency-key': unique('key') };
      const [first, second] = await Promise.all([
        seller.client.post<Made>(`/v1/${route}`, body, key),
        seller.client.post<Made>(`/v1/${route}`, body, key),
      ]);
      const third = await made(seller.client.post(`/v1/${route}`, body, key));
      for (const answer of [first, second]) {
        if (answer.status === 201) expect(answer.body.id).toBe(third.id);
        else expect(answer.body).toMatchObject({ code: 'idempotency-in-progress' });
      }
      expect(await outcome(seller.client.post(`/v1/${route}`, { ...body, note: 'other' }, key))).toBe(
        '422 idempotency-key-reused',
      );
      const rows = await everyRow(seller.client, `/v1/${route}?q=${body[title]}`);
      expect(rows.map((row) => row.id)).toEqual([third.id]);
    });
  });

  it.each(KINDS)('%s are created by many at the same time, and each is answered with his own', async (route, title) => {
    const people = [seller, trusted, narrow] as const;
    const asked = Array.from({ length: 24 }, (_, n) => ({
      by: people[n % 3] as Person,
      key: { 'idempotency-key': unique('key') },
      // Every sixth is refused, and every sixth another has a body that only the database could not take.
      body: { [title]: n % 6 === 5 ? '' : `${unique('Record')}${n % 6 === 4 ? '\u0000' : ''}`, tags: [`"${n}"`, '{\\}'] } as Json,
    }));
    const send = ({ by, key, body }: (typeof asked)[number]): Promise<HttpAnswer<Made>> =>
      by.client.post<Made>(`/v1/${route}`, body, key);
    const answers = await Promise.all(asked.map(send));
    const again = await Promise.all(asked.map(send));
    for (const [n, { status, body }] of answers.entries()) {
      const { by, body: sent } = asked[n] as (typeof asked)[number];
      expect([n, again[n]?.status, again[n]?.body.id]).toEqual([n, status, body.id]);
      if (n % 6 === 5) expect(body).toMatchObject({ status: 422, code: 'validation-failed' });
      if (status !== 201) expect([n, [4, 5].includes(n % 6)]).toEqual([n, true]);
      else expect(body).toMatchObject({ [title]: sent[title], tags: sent['tags'], responsibleId: by.id, version: 1 });
    }
    const ids = answers.filter(({ status }) => status === 201).map(({ body }) => body.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThanOrEqual(16);
  });

  describe.each(['contacts', 'companies'] as const)('points of %s', (route) => {
    it('are masked for all but those who may see them', async () => {
      const [number, other, address] = [freshNumber(), freshNumber(), freshEmail()];
      const body = { name: unique('Record'), phones: [{ label: 'work', number }, { number: other }], emails: [{ address }] };
      const created = (await made(seller.client.post(`/v1/${route}`, body))) as Card;
      const path = `/v1/${route}/${created.id}`;
      const masked = await card(path);
      expect(created).toEqual(masked);
      expect(masked.phones.map((phone) => [phone.label, phone.masked, phone.number])).toEqual([
        ['work', maskOf(number), undefined],
        [null, maskOf(other), undefined],
      ]);
      const domain = address.split('@')[1] ?? '';
      expect(masked.emails[0]?.masked).toBe(`p***@${domain[0]}***.ru`);
      expect(masked.emails[0]).not.toHaveProperty('address');
      expect((await card(path, trusted)).phones.map((phone) => phone.number)).toEqual([number, other]);
      expect((await card(path, trusted)).emails.map((email) => email.address)).toEqual([address]);
      expect(await answered(200, staff.admin.get(path))).toEqual(masked);
      for (const person of [seller, trusted]) {
        const { text } = await person.client.get(`/v1/${route}?limit=200`);
        expect([number, other, address].filter((value) => text.includes(value))).toEqual([]);
        expect(text).toContain(maskOf(number));
      }
      for (const q of [number, number.slice(2), number.slice(-4), address])
        expect(await everyRow(trusted.client, `/v1/${route}?q=${encodeURIComponent(q)}`)).toEqual([]);
    });

    it('are kept, changed, added and removed by the new list', async () => {
      const [kept, removed, added, changed] = [freshNumber(), freshNumber(), freshNumber(), freshNumber()];
      const body = {
        name: unique('Record'),
        phones: [{ label: 'a', number: kept }, { number: removed }, { number: freshNumber() }],
      };
      const created = (await made(seller.client.post(`/v1/${route}`, body))) as Card;
      const path = `/v1/${route}/${created.id}`;
      const [first, , third] = created.phones;
      const phones = [{ id: third?.id, number: changed }, { id: first?.id?.toUpperCase(), label: 'b' }, { number: added }];
      await answered(200, seller.client.patch(path, { phones }));
      expect((await card(path, trusted)).phones.map(({ label, number }) => [label, number])).toEqual([
        [null, changed],
        ['b', kept],
        [null, added],
      ]);
      await answered(200, seller.client.patch(path, { phones: [] }));
      expect((await card(path, trusted)).phones).toEqual([]);
    });

    it('are never taken from masks, and refused when they are none', async () => {
      const number = freshNumber();
      const created = (await made(seller.client.post(`/v1/${route}`, { name: unique('Record'), phones: [{ number }] }))) as Card;
      const path = `/v1/${route}/${created.id}`;
      const id = created.phones[0]?.id;
      const sent: Array<[unknown, string]> = [
        [[{ id, number: maskOf(number) }], '422 masked-value'],
        [[{ number: '+7916•••4567' }], '422 masked-value'],
        [[{ number: '8916***4567' }], '422 masked-value'],
        [[{ number: '12' }], '422 invalid-phone'],
        [[{ number: 'call me' }], '422 invalid-phone'],
        [[{ number: '+7 000 000-00-00' }], '422 invalid-phone'],
        [[{ id: randomUUID(), label: 'x' }], '422 unknown-reference'],
        [
          [
            { id, label: 'a' },
            { id, label: 'b' },
          ],
          '422 validation-failed',
        ],
        [[{ id, masked: maskOf(number) }], '422 validation-failed'],
      ];
      for (const [phones, expected] of sent) {
        const answer = await seller.client.patch(path, { phones });
        expect([phones, `${answer.status} ${String(answer.body['code'])}`]).toEqual([phones, expected]);
        expect(answer.text).not.toContain('4567');
      }
      expect(await outcome(seller.client.post(`/v1/${route}`, { name: 'x', phones: [{ number: maskOf(number) }] }))).toBe(
        '422 masked-value',
      );
      expect(await outcome(seller.client.patch(path, { emails: [{ address: 'i***@m***.ru' }] }))).toBe('422 masked-value');
      expect(await outcome(seller.client.patch(path, { emails: [{ address: 'nobody' }] }))).toBe('422 invalid-email');
      expect((await card(path, trusted)).phones.map((phone) => phone.number)).toEqual([number]);
      expect((await card(path)).version).toBe(1);
    });
  });

  it('mask numbers and addresses in everything a person writes', async () => {
    const number = freshNumber();
    const digits = number.slice(2);
    const address = freshEmail();
    const local = `8 (${digits.slice(0, 3)}) ${digits.slice(3, 6)}-${digits.slice(6, 8)}-${digits.slice(8)}`;
    const note = `Звонить ${local} после 18:00 или ${address}, сумма 150000, заказ 2026-11-23`;
    const body = { name: `Иван ${number}`, note, tags: [`тел ${digits}`] };
    const { id } = await made(seller.client.post('/v1/contacts', body));
    const { text } = await seller.client.get(`/v1/contacts/${id}`);
    const row = await seller.client.get('/v1/contacts?limit=200');
    for (const shown of [text, row.text]) {
      expect(shown).not.toContain(digits);
      expect(shown).not.toContain(local);
      expect(shown).not.toContain(address);
    }
    const { note: shownNote, name } = JSON.parse(text) as Card & { name: string };
    expect(shownNote).toContain('после 18:00');
    expect(shownNote).toContain('сумма 150000, заказ 2026-11-23');
    expect(name.startsWith('Иван ')).toBe(true);
    expect(await everyRow(seller.client, `/v1/contacts?q=${digits}`)).toEqual([]);
  });

  it('keep deals with their stages, sums and contacts', async () => {
    const contact = await made(seller.client.post('/v1/contacts', { name: 'Иван Петров' }));
    const hidden = await made(seller.client.post('/v1/contacts', { name: 'Hidden' }));
    const company = await made(seller.client.post('/v1/companies', { name: 'ООО Ромашка', website: 'https://romashka.example' }));
    const { items } = await answered(
      200,
      seller.client.get<{ items: Array<{ id: string; stages: Array<{ id: string; name: string }> }> }>('/v1/pipelines'),
    );
    const stages = items[0]?.stages ?? [];
    expect(stages.map((stage) => stage.name)).toEqual(['New', 'In progress', 'Proposal', 'Contract']);
    const body = {
      title: 'Поставка',
      amount: { value: '1500.5', currency: 'RUB' },
      contactIds: [contact.id],
      companyId: company.id,
    };
    const deal = await made(seller.client.post('/v1/deals', body));
    const path = `/v1/deals/${deal.id}`;
    expect(deal).toMatchObject({
      ...{ title: 'Поставка', amount: { value: '1500.50', currency: 'RUB' }, status: 'open', stageId: stages[0]?.id },
      ...{ pipelineId: items[0]?.id, companyId: company.id, contactIds: [contact.id] },
      contacts: [{ id: contact.id, name: 'Иван Петров' }],
    });
    expect(await answered(200, seller.client.post(`${path}/move`, { stageId: stages[2]?.id?.toUpperCase() }))).toEqual({
      id: deal.id,
      version: 2,
    });
    expect(await outcome(seller.client.post(`${path}/move`, { stageId: randomUUID() }))).toBe('422 unknown-reference');
    expect(await card(path)).toMatchObject({ stageId: stages[2]?.id, version: 2 });
    for (const filter of [`companyId=${company.id}`, `contactId=${contact.id}`, `stageId=${stages[2]?.id}`])
      expect((await everyRow(seller.client, `/v1/deals?${filter}`)).map((row) => row.id)).toEqual([deal.id]);
    // The narrow one sees neither contact nor company: linking them is like linking what there is not.
    const linked = (more: Json): Promise<string> => outcome(narrow.client.post('/v1/deals', { title: 'x', ...more }));
    expect(await linked({ contactIds: [hidden.id] })).toBe('404 not-found');
    expect(await linked({ contactIds: [randomUUID()] })).toBe('404 not-found');
    expect(await linked({ companyId: company.id })).toBe('404 not-found');
    await answered(200, seller.client.post(`${path}/assign`, { responsibleId: narrow.id }));
    const shown = await card(path, narrow);
    expect(shown['contacts']).toEqual([{ id: contact.id }]);
  });

  it('keep each of 100 changes made to one deal at once, by clients that try again', async () => {
    const { id } = await made(seller.client.post('/v1/deals', { title: unique('Deal') }));
    const database = new pg.Client({ connectionString: system.connections.database.superuser });
    await database.connect();
    const changes = async (): Promise<{ version: number; value: string }[]> => {
      const text = `SELECT version, data->'amount'->>'value' AS value FROM es.events WHERE stream = $1 AND version > 1 ORDER BY version`;
      return (await database.query<{ version: number; value: string }>(text, [`deal-${id}`])).rows;
    };
    const values = Array.from({ length: 100 }, (_, index) => `${index + 1}.00`);
    /** Tries again while others win (412), and when told to (503) unless the change is there all the same. */
    const change = (value: string): Promise<number> =>
      eventually(
        'a change',
        async () => {
          const answer = await seller.client.patch<Made>(`/v1/deals/${id}`, { amount: { value, currency: 'RUB' } });
          if (answer.status === 200) return answer.body.version;
          if (answer.status === 503) return (await changes()).find((event) => event.value === value)?.version;
          return answer.status === 412 ? undefined : Promise.reject(new Error(answer.text));
        },
        60_000,
      );
    try {
      const versions = await Promise.all(values.map(change));
      const stored = await changes();
      expect(stored.map(({ version }) => version)).toEqual(values.map((_, index) => index + 2));
      expect(new Set(stored.map(({ value }) => value))).toEqual(new Set(values));
      expect(values.map((value, index) => [value, versions[index]])).toEqual(
        values.map((value) => [value, stored.find((event) => event.value === value)?.version]),
      );
      expect(await card(`/v1/deals/${id}`)).toMatchObject({ version: 101, amount: { value: stored.at(-1)?.value } });
    } finally {
      await database.end();
    }
  }, 90_000);
});
