import { randomUUID } from 'node:crypto';
import { HttpClient, startSystem, type System } from '#testing';
import {
  answered,
  eventually,
  everyRow,
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

type Card = Made & { customFields: Record<string, unknown> };
type Field = Made & { recordType: string; name: string; type: string; choices?: string[] };

const ALL = {
  view: 'allowed',
  create: 'allowed',
  edit: 'allowed',
  delete: 'allowed',
  restore: 'allowed',
  assign: 'allowed',
} as const;
const SELLER: Grants = {
  contact: ALL,
  company: ALL,
  deal: { ...ALL, move: 'allowed' },
  pipelines: { view: 'allowed' },
  phone: { view: 'allowed' },
};
const KINDS = [
  ['contacts', 'contact', 'name'],
  ['companies', 'company', 'name'],
  ['deals', 'deal', 'title'],
] as const;

describe('fields, outcomes and stages of records', () => {
  let system: System;
  let staff: Staff;
  let seller: Person;

  beforeAll(async () => {
    system = await startSystem();
    staff = await Staff.of(system);
    seller = await staff.person({ grants: SELLER });
  }, 100_000);
  afterAll(() => system?.stop());

  const define = async (recordType: string, type: string, more: Json = {}): Promise<Field> =>
    (await made(staff.admin.post('/v1/custom-fields', { recordType, name: unique('Field'), type, ...more }))) as Field;
  const fieldsNow = (): Promise<Field[]> => everyRow<Field>(seller.client, '/v1/custom-fields', 2);

  describe.each(KINDS)('custom fields of %s', (route, type, title) => {
    const create = (more: Json = {}): Promise<Made> =>
      made(seller.client.post(`/v1/${route}`, { [title]: unique('Record'), ...more }));
    const valuesOf = async (id: string): Promise<Record<string, unknown>> =>
      ((await answered(200, seller.client.get(`/v1/${route}/${id}`))) as Card).customFields;

    it('are given at creation, shown masked, changed one by one and emptied', async () => {
      const number = freshNumber();
      const [text, amount, day, flag, choice, phone] = await Promise.all([
        define(type, 'text'),
        define(type, 'number'),
        define(type, 'date'),
        define(type, 'boolean'),
        define(type, 'choice', { choices: ['Fair', 'Web'] }),
        define(type, 'phone'),
      ]);
      const customFields = {
        [text.id]: `call ${number}`,
        [amount.name]: 12.5,
        [day.id.toUpperCase()]: '2028-02-29',
        [flag.id]: false,
        [choice.name]: 'Web',
        [phone.id]: number,
      };
      const shown = {
        [text.id]: `call ${maskOf(number)}`,
        [amount.id]: 12.5,
        [day.id]: '2028-02-29',
        [flag.id]: false,
        [choice.id]: 'Web',
        [phone.id]: { masked: maskOf(number) },
      };
      const card = await create({ customFields });
      expect(card['customFields']).toEqual(shown);
      const path = `/v1/${route}/${card.id}`;
      expect(await valuesOf(card.id)).toEqual(shown);
      const row = (await everyRow(seller.client, `/v1/${route}`)).find(({ id }) => id === card.id);
      expect(row).not.toHaveProperty('customFields');

      const change = { [flag.id]: true, [choice.id]: null };
      expect(await answered(200, seller.client.patch(path, { customFields: change }))).toEqual({ id: card.id, version: 2 });
      expect(await answered(200, seller.client.patch(path, { customFields: change }))).toEqual({ id: card.id, version: 2 });
      const { [choice.id]: _emptied, ...left } = { ...shown, [flag.id]: true };
      expect(await valuesOf(card.id)).toEqual(left);

      // What the card shows of a phone is no value, and neither is its mask.
      const refused: Array<[Json, string]> = [
        [{ [phone.id]: { masked: maskOf(number) } }, '422 validation-failed'],
        [{ [phone.id]: maskOf(number) }, '422 masked-value'],
        [{ [phone.id]: '12' }, '422 invalid-phone'],
        [{ [amount.id]: Number(number.slice(1)) }, '422 validation-failed'],
        [{ [amount.id]: '1' }, '422 validation-failed'],
        [{ [day.id]: '2027-02-29' }, '422 validation-failed'],
        [{ [choice.id]: 'Radio' }, '422 validation-failed'],
        [{ [randomUUID()]: 1 }, '422 validation-failed'],
        [{ [number]: 1 }, '422 validation-failed'],
      ];
      for (const [values, expected] of refused) {
        const answer = await seller.client.patch(path, { customFields: values });
        expect([values, `${answer.status} ${String(answer.body['code'])}`]).toEqual([values, expected]);
        expect(answer.text).not.toContain(number.slice(1));
      }
      expect(await valuesOf(card.id)).toEqual(left);
    });

    it('that were deleted are neither shown nor taken', async () => {
      const [kept, gone] = await Promise.all([define(type, 'text'), define(type, 'text')]);
      const card = await create({ customFields: { [kept.id]: 'a', [gone.id]: 'b' } });
      await answered(200, staff.admin.delete(`/v1/custom-fields/${gone.id}`, { 'if-match': '"1"' }));
      expect(await valuesOf(card.id)).toEqual({ [kept.id]: 'a' });
      const path = `/v1/${route}/${card.id}`;
      for (const key of [gone.id, gone.name])
        expect(await outcome(seller.client.patch(path, { customFields: { [key]: 'x' } }))).toBe('422 validation-failed');
      // A field of the same name is another field.
      const again = await define(type, 'text', { name: gone.name });
      expect(await valuesOf(card.id)).toEqual({ [kept.id]: 'a' });
      await answered(200, seller.client.patch(path, { customFields: { [gone.name]: 'c' } }));
      expect(await valuesOf(card.id)).toEqual({ [kept.id]: 'a', [again.id]: 'c' });
    });

    it('belong to their kind of record alone', async () => {
      const other = await define(type === 'deal' ? 'contact' : 'deal', 'text');
      expect(await outcome(seller.client.post(`/v1/${route}`, { [title]: 'x', customFields: { [other.id]: 'a' } }))).toBe(
        '422 validation-failed',
      );
    });
  });

  describe('definitions of custom fields', () => {
    it('are read by everybody and made by those who may edit settings', async () => {
      const field = await define('deal', 'choice', { choices: ['Fair', 'Web'] });
      expect((await fieldsNow()).find(({ id }) => id === field.id)).toEqual(field);
      const body = { recordType: 'deal', name: unique('Field'), type: 'text' };
      expect(await outcome(seller.client.post('/v1/custom-fields', { ...body, nonsense: 1 }))).toBe('403 forbidden');
      expect(await outcome(seller.client.delete(`/v1/custom-fields/${field.id}`))).toBe('403 forbidden');
      const editor = await staff.person({ grants: { settings: { view: 'allowed', edit: 'allowed' } } });
      const made2 = await made(editor.client.post('/v1/custom-fields', body));
      expect(await outcome(editor.client.delete(`/v1/custom-fields/${made2.id}`, { 'if-match': '"7"' }))).toBe(
        '412 version-conflict',
      );
      await answered(200, editor.client.delete(`/v1/custom-fields/${made2.id}`));
      expect(await outcome(editor.client.delete(`/v1/custom-fields/${made2.id}`))).toBe('404 not-found');
      expect((await fieldsNow()).some(({ id }) => id === made2.id)).toBe(false);
      expect(await outcome(staff.admin.post('/v1/custom-fields', { ...body, type: 'money' }))).toBe('422 validation-failed');
    });

    it('have one name each, also when several are made at once, and no number in it', async () => {
      const body = { recordType: 'company', name: unique('Field'), type: 'text' };
      const answers = await Promise.all(Array.from({ length: 4 }, () => outcome(staff.admin.post('/v1/custom-fields', body))));
      expect(answers.toSorted()).toEqual(['201', '409 already-exists', '409 already-exists', '409 already-exists']);
      await made(staff.admin.post('/v1/custom-fields', { ...body, recordType: 'contact' }));
      const number = freshNumber();
      const masked = await define('company', 'text', { name: `${unique('Field')} ${number}` });
      expect(masked.name).toContain(maskOf(number));
      expect((await staff.admin.get('/v1/custom-fields?limit=200')).text).not.toContain(number.slice(2));
    });

    it('are made once under one key', async () => {
      const body = { recordType: 'company', name: unique('Field'), type: 'text' };
      const key = { 'idempotency-key': unique('key') };
      const first = await made(staff.admin.post('/v1/custom-fields', body, key));
      expect(await made(staff.admin.post('/v1/custom-fields', body, key))).toEqual(first);
    });
  });

  describe('outcomes of deals', () => {
    const create = (more: Json = {}): Promise<Made> => made(seller.client.post('/v1/deals', { title: unique('Deal'), ...more }));
    const act = (id: string, verb: string, body?: Json, headers?: Record<string, string>): Promise<string> =>
      outcome(seller.client.post(`/v1/deals/${id}/${verb}`, body, headers));
    const card = async (id: string): Promise<Json> => answered(200, seller.client.get<Json>(`/v1/deals/${id}`));

    it('are won, lost with a masked reason, and open again', async () => {
      const { id, stageId } = await create();
      const number = freshNumber();
      expect(await card(id)).not.toHaveProperty('loseReason');
      expect(await answered(200, seller.client.post(`/v1/deals/${id}/win`))).toEqual({ id, version: 2 });
      expect(await card(id)).toMatchObject({ status: 'won', stageId, version: 2 });
      expect(await act(id, 'win')).toBe('409 deal-closed');
      expect(await act(id, 'lose', { reason: 'too dear' })).toBe('409 deal-closed');
      expect(await act(id, 'move', { stageId })).toBe('409 deal-closed');
      expect(await act(id, 'reopen')).toBe('200');
      expect(await act(id, 'reopen')).toBe('409 deal-open');
      expect(await act(id, 'lose', { reason: 'no' })).toBe('422 validation-failed');
      expect(await act(id, 'lose')).toMatch(/^4(00|15|22) /);
      expect(await act(id, 'lose', { reason: `went to ${number}` })).toBe('200');
      const lost = await seller.client.get<Json>(`/v1/deals/${id}`);
      expect(lost.body).toMatchObject({ status: 'lost', loseReason: `went to ${maskOf(number)}`, version: 4 });
      expect(lost.text).not.toContain(number.slice(2));
      const row = (await everyRow(seller.client, '/v1/deals')).find((one) => one.id === id);
      expect(row).toMatchObject({ status: 'lost' });
      expect(row).not.toHaveProperty('loseReason');
      expect(await act(id, 'reopen')).toBe('200');
      expect(await card(id)).toMatchObject({ status: 'open', version: 5 });
      expect(await card(id)).not.toHaveProperty('loseReason');
    });

    it('take the right to move, a version where one is named, and a key', async () => {
      const { id } = await create();
      const viewer = await staff.person({ grants: { deal: { view: 'allowed', edit: 'allowed' } } });
      const blind = await staff.person({ grants: { deal: { view: 'responsible', move: 'allowed' } } });
      for (const verb of ['win', 'lose', 'reopen']) {
        expect(await outcome(viewer.client.post(`/v1/deals/${id}/${verb}`, { nonsense: 1 }))).toBe('403 forbidden');
        expect(await outcome(blind.client.post(`/v1/deals/${id}/${verb}`, { nonsense: 1 }))).toBe('404 not-found');
      }
      expect(await act(id, 'win', undefined, { 'if-match': '"7"' })).toBe('412 version-conflict');
      const key = { 'idempotency-key': unique('key') };
      const won = await answered(200, seller.client.post(`/v1/deals/${id}/win`, undefined, { ...key, 'if-match': '"1"' }));
      expect(await answered(200, seller.client.post(`/v1/deals/${id}/win`, undefined, key))).toEqual(won);
      expect(await card(id)).toMatchObject({ version: 2 });
    });
  });

  describe('pipelines', () => {
    type Pipeline = Made & { name: string; stages: Array<{ id: string; name: string }> };
    const pipeline = async (...names: string[]): Promise<Pipeline> =>
      (await made(
        staff.admin.post('/v1/pipelines', { name: unique('Pipeline'), stages: names.map((name) => ({ name })) }),
      )) as Pipeline;
    const shown = async (id: string): Promise<Pipeline | undefined> =>
      (await everyRow<Pipeline>(seller.client, '/v1/pipelines', 2)).find((one) => one.id === id);
    const change = (id: string, body: Json, headers?: Record<string, string>): Promise<string> =>
      outcome(staff.admin.patch(`/v1/pipelines/${id}`, body, headers));

    it('are made, listed after the first, and changed by those who may', async () => {
      const one = await pipeline('A', 'B');
      expect(await shown(one.id)).toEqual(one);
      const [a, b] = one.stages as [{ id: string; name: string }, { id: string; name: string }];
      const answer = await staff.admin.patch(
        `/v1/pipelines/${one.id}`,
        { name: 'Renamed', stages: [{ id: b.id.toUpperCase(), name: 'B2' }, { name: 'C' }, { id: a.id, name: 'A' }] },
        { 'if-match': '"1"' },
      );
      expect([answer.status, answer.body, answer.headers.get('etag')]).toEqual([200, { id: one.id, version: 2 }, '"2"']);
      const stages = [
        { id: b.id, name: 'B2' },
        { id: expect.any(String), name: 'C' },
        { id: a.id, name: 'A' },
      ];
      expect(await shown(one.id)).toEqual({ id: one.id, name: 'Renamed', stages, version: 2 });
      expect(await change(one.id, { name: 'x' }, { 'if-match': '"1"' })).toBe('412 version-conflict');
      expect(await change(one.id, { stages: [] })).toBe('422 validation-failed');
      expect(await change(one.id, { stages: [{ id: randomUUID(), name: 'x' }] })).toBe('422 unknown-reference');
      expect(await change(randomUUID(), { name: 'x' })).toBe('404 not-found');
      expect(await outcome(seller.client.patch(`/v1/pipelines/${one.id}`, { nonsense: 1 }))).toBe('403 forbidden');
      expect(await outcome(seller.client.post('/v1/pipelines', { nonsense: 1 }))).toBe('403 forbidden');
      const [first] = await everyRow<Pipeline>(seller.client, '/v1/pipelines');
      expect(first?.stages[0]?.name).toBe('New');
    });

    it('take leads of a form whose stage is gone where deals of its pipeline start', async () => {
      const { id, stages } = await pipeline('A', 'B');
      const [a, b] = stages as [{ id: string; name: string }, { id: string; name: string }];
      const form = await made(staff.admin.post('/v1/forms', { name: unique('Form'), pipelineId: id, stageId: b.id }));
      expect(await change(id, { stages: [a] })).toBe('200');
      const ingest = new HttpClient(system.ingestUrl);
      const lead = { name: unique('Lead'), phone: freshNumber() };
      // Ingest learns of a new form a moment later.
      await eventually('the lead taken', async () => {
        const { status } = await ingest.post(`/v1/forms/${String(form['key'])}/leads`, lead);
        return status === 202 ? true : undefined;
      });
      const deals = await eventually('the deal', async () => {
        const rows = await everyRow(seller.client, `/v1/deals?stageId=${a.id}`);
        return rows.length > 0 ? rows : undefined;
      });
      expect(deals).toMatchObject([{ stageId: a.id, status: 'open' }]);
    });

    it('keep a stage in which deals stand, deleted ones too', async () => {
      const { id, stages } = await pipeline('A', 'B');
      const [a, b] = stages as [{ id: string; name: string }, { id: string; name: string }];
      const deal = await made(seller.client.post('/v1/deals', { title: 'x', pipelineId: id }));
      expect(deal).toMatchObject({ pipelineId: id, stageId: a.id });
      await answered(200, seller.client.delete(`/v1/deals/${deal.id}`));
      expect(await change(id, { stages: [b] })).toBe('409 stage-in-use');
      await answered(200, seller.client.post(`/v1/deals/${deal.id}/restore`));
      expect(await outcome(seller.client.post(`/v1/deals/${deal.id}/move`, { stageId: b.id }))).toBe('200');
      expect(await change(id, { stages: [b] })).toBe('200');
      expect(await outcome(seller.client.post(`/v1/deals/${deal.id}/move`, { stageId: a.id }))).toBe('422 unknown-reference');
    });
  });

  describe('lists while rows change', () => {
    /** Letters only, sorted as given: no digits that could pass for a telephone number. */
    const letter = (n: number): string => String.fromCharCode(0x61 + (n % 26));

    it.each(['createdAt', 'updatedAt', 'title', 'amount'].flatMap((field) => [field, `-${field}`]))(
      'sorted by %s show every row that does not change exactly once',
      async (sort) => {
        const mark = unique('page').replaceAll('-', '');
        // Equal titles, equal amounts and none at all: the id alone tells such rows apart.
        const body = (n: number): Json => ({
          title: `${mark} ${letter(Math.floor(n / 4))}`,
          ...(n % 3 === 0 ? {} : { amount: { value: String(n % 2), currency: 'RUB' } }),
        });
        const [still, moving] = await Promise.all(
          [12, 6].map(async (count) => {
            const ids: string[] = [];
            for (let n = 0; n < count; n += 1) ids.push((await made(seller.client.post('/v1/deals', body(n)))).id);
            return ids;
          }),
        );
        if (still === undefined || moving === undefined) throw new Error('nothing was made');
        let changes = 0;
        let paging = true;
        const mover = async (): Promise<void> => {
          for (; paging; changes += 1) {
            const amount = changes % 4 === 0 ? null : { value: String(changes % 3), currency: 'RUB' };
            const id = moving[changes % moving.length] ?? '';
            await answered(200, seller.client.patch(`/v1/deals/${id}`, { title: `${mark} ${letter(changes * 7)}`, amount }));
          }
        };
        const moved = mover();
        try {
          for (let round = 0, before = -1; round < 3; round += 1) {
            const ids = (await everyRow(seller.client, `/v1/deals?q=${mark}&sort=${sort}`, 2)).map(({ id }) => id);
            expect([sort, ids.filter((id) => still.includes(id)).toSorted()]).toEqual([sort, still.toSorted()]);
            // A round in which nothing changed shows nothing.
            expect(changes).toBeGreaterThan(before);
            before = changes;
          }
        } finally {
          paging = false;
          await moved;
        }
        const plain = await everyRow(seller.client, `/v1/deals?sort=${sort}`, 200);
        const rest = plain.filter(({ id }) => still.includes(id) || moving.includes(id)).map(({ id }) => id);
        expect(rest).toEqual((await everyRow(seller.client, `/v1/deals?q=${mark}&sort=${sort}`, 5)).map(({ id }) => id));
      },
    );
  });

  describe('what filters tell', () => {
    it('is nothing but rows one may see, with the ids that their cards show', async () => {
      const narrow = await staff.person({
        grants: { deal: { view: 'responsible' }, contact: { view: 'responsible' }, company: { view: 'responsible' } },
      });
      const [contact, other, company] = await Promise.all([
        made(seller.client.post('/v1/contacts', { name: unique('Contact') })),
        made(seller.client.post('/v1/contacts', { name: unique('Contact') })),
        made(seller.client.post('/v1/companies', { name: unique('Company') })),
      ]);
      const body = { title: unique('Deal'), contactIds: [contact.id], companyId: company.id };
      const mine = await made(seller.client.post('/v1/deals', { ...body, responsibleId: narrow.id }));
      await made(seller.client.post('/v1/deals', body));
      await made(seller.client.post('/v1/deals', { ...body, contactIds: [other.id] }));
      await made(seller.client.post('/v1/contacts', { name: unique('Contact'), companyId: company.id }));
      const listed = async (path: string): Promise<string[]> => (await everyRow(narrow.client, path)).map(({ id }) => id);
      // He sees neither contact nor company, but his own deal names both by id; others' deals stay out of every answer.
      const card = await answered(200, narrow.client.get<Json>(`/v1/deals/${mine.id}`));
      expect(card).toMatchObject({ contactIds: [contact.id], contacts: [{ id: contact.id }], companyId: company.id });
      expect(await listed(`/v1/deals?contactId=${contact.id}`)).toEqual([mine.id]);
      expect(await listed(`/v1/deals?companyId=${company.id}`)).toEqual([mine.id]);
      expect(await listed(`/v1/deals?contactId=${other.id}`)).toEqual([]);
      expect(await listed(`/v1/deals?contactId=${randomUUID()}`)).toEqual([]);
      expect(await listed(`/v1/contacts?companyId=${company.id}`)).toEqual([]);
      const counted = await answered(200, narrow.client.get<Json>(`/v1/deals?companyId=${company.id}&count=true`));
      expect(counted).toMatchObject({ count: 1 });
      // A contact that was deleted has no name on the deals it stands in.
      expect(await answered(200, seller.client.get<Json>(`/v1/deals/${mine.id}`))).toMatchObject({
        contacts: [{ id: contact.id, name: contact['name'] }],
      });
      await answered(200, seller.client.delete(`/v1/contacts/${contact.id}`));
      expect((await answered(200, seller.client.get<Json>(`/v1/deals/${mine.id}`)))['contacts']).toEqual([{ id: contact.id }]);
    });

    it('each kind of record knows its own', async () => {
      const some = randomUUID();
      const time = '2026-01-01T00:00:00Z';
      const shared = [
        `responsibleId=${some}`,
        `departmentId=${some}`,
        `createdFrom=${time}`,
        `createdTo=${time}`,
        'deleted=true',
      ];
      const known: Record<string, string[]> = {
        contacts: [...shared, `companyId=${some}`],
        companies: shared,
        deals: [...shared, `companyId=${some}`, `contactId=${some}`, `stageId=${some}`],
      };
      const all = [...new Set(Object.values(known).flat()), 'status=open', 'tags=a', 'note=a', 'attribution[utm_source]=a'];
      for (const [route, filters] of Object.entries(known))
        for (const filter of all) {
          const expected = filters.includes(filter) ? '200' : '422 unknown-filter';
          expect([route, filter, await outcome(seller.client.get(`/v1/${route}?${filter}`))]).toEqual([route, filter, expected]);
        }
      for (const wrong of ['createdFrom=yesterday', 'deleted=yes', 'count=1', `stageId=x`])
        expect(await outcome(seller.client.get(`/v1/deals?${wrong}`))).toBe('422 validation-failed');
      const marketer = await staff.person({ grants: { deal: { view: 'allowed' }, attribution: { view: 'allowed' } } });
      expect(await outcome(marketer.client.get('/v1/deals?attribution[utm_source]=a'))).toBe('200');
    });

    it('times are, from the first on and up to the second', async () => {
      const mark = unique('time').replaceAll('-', '');
      const first = await made(seller.client.post('/v1/companies', { name: `${mark} a` }));
      const second = await eventually('a later moment', async () => {
        const later = await made(seller.client.post('/v1/companies', { name: `${mark} b` }));
        return later['createdAt'] === first['createdAt'] ? undefined : later;
      });
      const between = `createdFrom=${String(first['createdAt'])}&createdTo=${String(second['createdAt'])}`;
      const found = (await everyRow(seller.client, `/v1/companies?q=${mark}&${between}`)).map(({ id }) => id);
      expect([found.includes(first.id), found.includes(second.id)]).toEqual([true, false]);
    });
  });
});
