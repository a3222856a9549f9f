import { startSystem, type System } from '#testing';
import {
  answered,
  eventually,
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

interface Change {
  readonly field: string;
  readonly from: unknown;
  readonly to: unknown;
}
interface Item {
  readonly version: number;
  readonly at: string;
  readonly actorId: string;
  readonly ip: string;
  readonly type: string;
  readonly changes: readonly Change[];
}
type History = Json & { items: Item[]; nextCursor: string | null };

const EVERYTHING = {
  view: 'allowed',
  create: 'allowed',
  edit: 'allowed',
  delete: 'allowed',
  restore: 'allowed',
  assign: 'allowed',
} as const;
const SELLER: Grants = { contact: EVERYTHING, company: EVERYTHING, deal: { ...EVERYTHING, move: 'allowed' } };

describe('the past of a record', () => {
  let system: System;
  let staff: Staff;
  let seller: Person;
  let trusted: Person;
  let narrow: Person;

  beforeAll(async () => {
    system = await startSystem();
    staff = await Staff.of(system);
    [seller, trusted, narrow] = await Promise.all([
      staff.person({ grants: SELLER }),
      staff.person({ grants: { ...SELLER, phone: { view: 'allowed' } } }),
      staff.person({ grants: { ...SELLER, contact: { view: 'responsible' } } }),
    ]);
  }, 100_000);
  afterAll(() => system?.stop());

  const history = async (path: string, person = seller): Promise<Item[]> =>
    (await answered(200, person.client.get<History>(`${path}/history`))).items;
  const changeOf = (item: Item | undefined, field: string): Change | undefined =>
    item?.changes.find((change) => change.field === field);

  it('tells who did what, when and from where, masked as the card is', async () => {
    const [first, second, name] = [freshNumber(), freshNumber(), unique('Person')];
    const { id } = await made(seller.client.post('/v1/contacts', { name, phones: [{ label: 'work', number: first }] }));
    const path = `/v1/contacts/${id}`;
    await answered(200, trusted.client.patch(path, { phones: [{ number: second }], note: `Call ${first}` }));
    await answered(200, seller.client.post(`${path}/assign`, { responsibleId: trusted.id }));
    await answered(200, seller.client.delete(path));
    expect(await outcome(seller.client.get(`${path}/history`))).toBe('404 not-found');
    await answered(200, seller.client.post(`${path}/restore`));

    const items = await history(path);
    expect(items.map(({ type, version, actorId }) => [type, version, actorId])).toEqual([
      ['restored', 5, seller.id],
      ['deleted', 4, seller.id],
      ['assigned', 3, seller.id],
      ['changed', 2, trusted.id],
      ['created', 1, seller.id],
    ]);
    expect(items.every(({ ip, at }) => ip === '127.0.0.1' && !Number.isNaN(Date.parse(at)))).toBe(true);
    expect(changeOf(items[4], 'name')).toEqual({ field: 'name', from: null, to: name });
    expect(changeOf(items[3], 'phones')).toMatchObject({ from: [{ masked: maskOf(first) }], to: [{ masked: maskOf(second) }] });
    expect(changeOf(items[3], 'note')).toEqual({ field: 'note', from: null, to: `Call ${maskOf(first)}` });
    expect(items[2]?.changes).toEqual([{ field: 'responsibleId', from: seller.id, to: trusted.id }]);
    expect(items[1]?.changes).toEqual([{ field: 'deleted', from: false, to: true }]);
    expect(JSON.stringify(items)).not.toContain(first.slice(-7));

    const inClear = await history(path, trusted);
    expect(changeOf(inClear[3], 'phones')).toMatchObject({ from: [{ number: first }], to: [{ number: second }] });
    expect(await outcome(narrow.client.get(`${path}/history`))).toBe('404 not-found');
  });

  it('comes in pages that miss nothing', async () => {
    const { id } = await made(seller.client.post('/v1/companies', { name: unique('Company') }));
    const path = `/v1/companies/${id}`;
    for (let index = 1; index <= 6; index += 1)
      await answered(200, seller.client.patch(path, { note: `note ${'x'.repeat(index)}` }));
    const versions: number[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const query = cursor === '' ? '' : `&cursor=${cursor}`;
      const page: History = await answered(200, seller.client.get<History>(`${path}/history?limit=3${query}`));
      versions.push(...page.items.map(({ version }) => version));
      cursor = page.nextCursor;
    }
    expect(versions).toEqual([7, 6, 5, 4, 3, 2, 1]);
    expect(await outcome(seller.client.get(`${path}/history?limit=201`))).toBe('422 validation-failed');
    expect(await outcome(seller.client.get(`${path}/history?cursor=x`))).toBe('422 invalid-cursor');
    expect(await outcome(seller.client.get(`${path}/history?from=1`))).toBe('422 unknown-filter');
  });

  it('shows the card as it was at any moment, by the rights of now', async () => {
    const number = freshNumber();
    const contact = await made(seller.client.post('/v1/contacts', { name: 'Before' }));
    const hidden = await made(staff.admin.post('/v1/contacts', { name: unique('Hidden'), responsibleId: null }));
    const created = await staff.admin.post<Made>('/v1/deals', {
      ...{
        title: 'First',
        amount: { value: '10', currency: 'RUB' },
        contactIds: [contact.id, hidden.id],
        responsibleId: narrow.id,
      },
    });
    const { id } = created.body;
    const path = `/v1/deals/${id}`;
    const moments: string[] = [];
    /** A moment between two changes: times are milliseconds. */
    const pass = async (): Promise<void> => {
      const at = Date.now();
      moments.push(new Date(at + 1).toISOString());
      await eventually('the clock to move on', () => Promise.resolve(Date.now() > at + 1 ? true : undefined));
    };
    await pass();
    await answered(200, seller.client.patch(`/v1/contacts/${contact.id}`, { name: 'After', phones: [{ number }] }));
    await answered(200, seller.client.patch(path, { title: 'Second', amount: null }));
    await pass();
    await answered(200, seller.client.delete(path));
    await pass();
    await answered(200, seller.client.post(`${path}/restore`));

    const at = (moment: string | undefined, person = seller) => person.client.get<Json>(`${path}?at=${moment}`);
    const first = await at(moments[0]);
    expect(first.headers.get('etag')).toBe('"1"');
    expect(first.headers.get('cache-control')).toBe('no-store');
    expect(first.body).toEqual({
      ...created.body,
      contacts: [
        { id: contact.id, name: 'Before' },
        { id: hidden.id, name: hidden['name'] },
      ],
    });
    expect((await at(moments[1])).body).toMatchObject({ title: 'Second', amount: null, version: 2 });
    expect((await at(moments[1])).body['contacts']).toMatchObject([{ name: 'After' }, {}]);
    expect(await outcome(at(moments[2]))).toBe('404 not-found');
    expect((await at(new Date().toISOString())).body).toEqual((await seller.client.get(path)).body);
    expect(await outcome(at('2020-01-01T00:00:00Z'))).toBe('404 not-found');
    expect(await outcome(at('yesterday'))).toBe('422 validation-failed');
    // The other contact is nobody's: only its id is told to one who sees his own.
    expect((await at(moments[0], narrow)).body['contacts']).toEqual([{ id: contact.id }, { id: hidden.id }]);

    const inClear = await trusted.client.get<Json>(`/v1/contacts/${contact.id}?at=${moments[1]}`);
    expect(inClear.body['phones']).toMatchObject([{ masked: maskOf(number), number }]);
    const masked = await seller.client.get(`/v1/contacts/${contact.id}?at=${moments[1]}`);
    expect(masked.text).not.toContain(number.slice(-7));
  });

  it('is an opening: recorded, counted, and refused past the limit', async () => {
    const person = await staff.person({ grants: SELLER });
    const [one, two] = [
      await made(person.client.post('/v1/companies', { name: unique('One') })),
      await made(person.client.post('/v1/companies', { name: unique('Two') })),
    ];
    const limit = { measure: 'company.opened', window: 'hour', max: 1, action: 'refuse', scope: { userIds: [person.id] } };
    await staff.monitoring({ limits: [limit] });
    await history(`/v1/companies/${one.id}`, person);
    expect(await outcome(person.client.get(`/v1/companies/${two.id}/history`))).toBe('403 view-limit-reached');
    expect(await outcome(person.client.get(`/v1/companies/${two.id}?at=${new Date().toISOString()}`))).toBe(
      '403 view-limit-reached',
    );
    expect(await outcome(person.client.get(`/v1/companies/${one.id}?at=${new Date().toISOString()}`))).toBe('200');
    const opened = await eventually('the ledger', async () => {
      const { items } = await answered(200, staff.admin.get<{ items: Json[] }>(`/v1/exposure?userId=${person.id}`));
      return items.length >= 2 ? items : undefined;
    });
    expect(opened.every(({ subjectId, kind }) => subjectId === one.id && kind === 'card')).toBe(true);
    await staff.monitoring({ limits: [] });
  });

  it('and the present of a deal tell names of contacts that stand in the ledger with the opening', async () => {
    const person = await staff.person({ grants: { ...SELLER, contact: { ...EVERYTHING, view: 'responsible' } } });
    const [named, unnamed] = [
      await made(person.client.post('/v1/contacts', { name: unique('Named') })),
      await made(seller.client.post('/v1/contacts', { name: unique('Unnamed') })),
    ];
    const deal = await made(seller.client.post('/v1/deals', { title: 'Both', contactIds: [named.id, unnamed.id] }));
    const card = await answered(200, person.client.get<{ contacts: Json[] }>(`/v1/deals/${deal.id}`));
    expect(card.contacts).toEqual([{ id: named.id, name: named['name'] }, { id: unnamed.id }]);
    const shownTo = (id: string) => answered(200, staff.admin.get<{ items: Json[] }>(`/v1/exposure?contactId=${id}`));
    const [entry] = await eventually('the ledger', async () => {
      const { items } = await shownTo(named.id);
      return items.some(({ userId }) => userId === person.id) ? items : undefined;
    });
    expect(entry).toMatchObject({ userId: person.id, subjectType: 'contact', subjectId: named.id, kind: 'card', masked: true });
    expect((await shownTo(unnamed.id)).items.filter(({ userId }) => userId === person.id)).toEqual([]);

    // Whom a deal named once stands there when it is told that way, though the deal names him no more.
    const then = new Date().toISOString();
    await answered(200, seller.client.patch(`/v1/deals/${deal.id}`, { contactIds: [unnamed.id] }));
    const reader = await staff.person({ grants: SELLER });
    const told = await answered(200, reader.client.get<{ contacts: Json[] }>(`/v1/deals/${deal.id}?at=${then}`));
    expect(told.contacts.map(({ name }) => name)).toEqual([named['name'], unnamed['name']]);
    for (const { id } of [named, unnamed]) {
      await eventually('the ledger', async () =>
        (await shownTo(id)).items.some(({ userId }) => userId === reader.id) ? true : undefined,
      );
    }
  });

  it('and the present of a record are told by no repeat of its making, unless as an opening', async () => {
    const person = await staff.person({ grants: SELLER });
    const contact = await made(seller.client.post('/v1/contacts', { name: unique('Linked') }));
    const key = { 'idempotency-key': unique('made') };
    const make = () => person.client.post<Json>('/v1/deals', { title: 'Mine', contactIds: [contact.id] }, key);
    const first = await make();
    expect(first.body['contacts']).toEqual([{ id: contact.id, name: contact['name'] }]);
    const shownOf = async (id: string): Promise<string[]> =>
      (await answered(200, staff.admin.get<{ items: Json[] }>(`/v1/exposure?userId=${person.id}`))).items
        .filter(({ subjectId }) => subjectId === id)
        .map(({ kind }) => String(kind));
    // Making a deal is no opening; whom it names was shown as in a list.
    expect(
      await eventually('the ledger', async () => ((await shownOf(contact.id)).length > 0 ? shownOf(contact.id) : undefined)),
    ).toEqual(['row']);
    const refusing = (measure: string): Json => ({
      ...{ measure, window: 'hour', max: 0, action: 'refuse', scope: { userIds: [person.id] } },
    });
    await staff.monitoring({ limits: [refusing('deal.opened'), refusing('list.rows')] });
    expect((await make()).body).toEqual({ ...first.body, contacts: [{ id: contact.id }] });
    await answered(200, seller.client.patch(`/v1/deals/${String(first.body['id'])}`, { note: 'of another' }));
    expect(await outcome(make())).toBe('403 view-limit-reached');
    await staff.monitoring({ limits: [] });
    const again = await make();
    expect([again.status, again.body]).toMatchObject([201, { note: 'of another', version: 2 }]);
    const dealId = String(first.body['id']);
    expect(
      await eventually('the ledger', async () => ((await shownOf(dealId)).length > 0 ? shownOf(dealId) : undefined)),
    ).toEqual(['card']);
  });
});
