import { HttpClient, startSystem, type System } from '#testing';
import {
  answered,
  eventually,
  everyRow,
  made,
  outcome,
  Staff,
  unique,
  type Json,
  type Level,
  type Made,
  type Person,
} from './staff.js';

type Deal = Made & { readonly leadId: string | null; readonly title: string; readonly tags: readonly string[] };
/** Whose a deal is, seen from the viewers: all of them work in one department. */
const OWNERS = ['himself', 'colleague', 'below', 'elsewhere', 'nobody'] as const;
type Owner = (typeof OWNERS)[number];
/** The model: at which owners a level reaches. */
const REACHED: Readonly<Record<Level, readonly Owner[]>> = {
  allowed: OWNERS,
  group: ['himself', 'colleague', 'below'],
  responsible: ['himself'],
  forbidden: [],
};
const LEVELS = Object.keys(REACHED) as Level[];

/** Where a lead came from is a class of data of its own: seen by `attribution.view`, whatever else a person sees of the deal. */
describe('attribution', () => {
  let system: System;
  let staff: Staff;
  let departmentId: string;
  let owners: Readonly<Record<Exclude<Owner, 'himself' | 'nobody'>, Person>>;
  /** What every lead of a test carries, and nothing else in the system does. */
  const [campaign, source] = [unique('campaign'), unique('source')];
  let formKey: string;

  beforeAll(async () => {
    system = await startSystem();
    staff = await Staff.of(system);
    departmentId = await staff.department();
    const [colleague, below, elsewhere] = await Promise.all([
      staff.person({ departmentId }),
      staff.person({ departmentId: await staff.department(departmentId) }),
      staff.person({ departmentId: await staff.department() }),
    ]);
    owners = { colleague, below, elsewhere };
    for (const titleTemplate of ['{utm_source}', 'Lead {attribution[utm_campaign]}', '{name}'])
      expect(await outcome(staff.admin.post('/v1/forms', { name: 'Site', titleTemplate }))).toBe('422 validation-failed');
    const form = (await made(staff.admin.post('/v1/forms', { name: 'Site', quarantineAfter: null }))) as Made & { key: string };
    formKey = form.key;
    await eventually('the form to be in force', async () =>
      (await new HttpClient(system.ingestUrl).post(`/v1/forms/${formKey}/leads`, {})).status === 422 ? true : undefined,
    );
  }, 100_000);
  afterAll(() => system?.stop());

  /** A deal that came by a lead, given to whom it is to belong to. */
  const dealOf = async (responsibleId: string | null): Promise<Deal> => {
    const lead = {
      ...{ name: 'Lead', email: `${unique('lead').toLowerCase()}@palisade.test`, message: 'Please call' },
      ...{
        attribution: { utm_source: source, utm_campaign: campaign },
        // A lead's own title is told like its message, in the note.
        title: unique('Title'),
        tags: [source],
        customFields: { x: source },
      },
    };
    const { leadId } = await answered(
      202,
      new HttpClient(system.ingestUrl).post<{ leadId: string }>(`/v1/forms/${formKey}/leads`, lead),
    );
    const deal = await eventually('the deal', async () =>
      (await everyRow<Deal>(staff.admin, '/v1/deals')).find((row) => row.leadId === leadId),
    );
    if (responsibleId !== null) await answered(200, staff.admin.post(`/v1/deals/${deal.id}/assign`, { responsibleId }));
    return deal;
  };
  const viewerAt = (level: Level): Promise<Person> =>
    staff.person({
      departmentId,
      grants: { deal: { view: 'allowed', edit: 'allowed' }, contact: { view: 'allowed' }, attribution: { view: level } },
    });
  const dealsFor = async (viewer: Person): Promise<Record<Owner, Deal>> => {
    const ids = { himself: viewer.id, ...ids3(), nobody: null };
    const entries = await Promise.all(OWNERS.map(async (owner) => [owner, await dealOf(ids[owner])] as const));
    return Object.fromEntries(entries) as Record<Owner, Deal>;
  };
  const ids3 = (): Record<'colleague' | 'below' | 'elsewhere', string> => ({
    ...{ colleague: owners.colleague.id, below: owners.below.id, elsewhere: owners.elsewhere.id },
  });
  const tells = (text: string): boolean => text.includes(campaign) || text.includes(source);

  it.each(LEVELS)(
    'is shown at the level %s where the level reaches, on the card, in its past, and to a filter',
    async (level) => {
      const viewer = await viewerAt(level);
      const deals = await dealsFor(viewer);
      for (const owner of OWNERS) {
        const { id } = deals[owner];
        const reached = REACHED[level].includes(owner);
        const asked = [`/v1/deals/${id}`, `/v1/deals/${id}?at=${new Date().toISOString()}`, `/v1/deals/${id}/history`];
        const answers = await Promise.all(asked.map((path) => viewer.client.get(path)));
        expect([owner, ...answers.map(({ status }) => status)]).toEqual([owner, 200, 200, 200]);
        expect([owner, ...answers.map(({ text }) => tells(text))]).toEqual([owner, reached, reached, reached]);
        // Not even that there is one.
        const [card, past, history] = answers.map(({ body }) => JSON.stringify(body)) as [string, string, string];
        const named = [card.includes('"attribution":'), past.includes('"attribution":'), history.includes('"attribution"')];
        expect([owner, ...named]).toEqual([owner, reached, reached, reached]);
      }

      const byOwner = Object.fromEntries(OWNERS.map((owner) => [deals[owner].id, owner]));
      const filter = `attribution[utm_campaign]=${campaign}&attribution[utm_source]=${source}`;
      if (level === 'forbidden') {
        // Whether it fits or not, and in whatever order: there is no such filter.
        for (const query of [filter, 'attribution[utm_source]=x', `${filter}&count=true`, `${filter}&sort=title`])
          expect([query, await outcome(viewer.client.get(`/v1/deals?${query}`))]).toEqual([query, '422 unknown-filter']);
      } else {
        for (const sort of ['createdAt', '-updatedAt', 'title', 'amount']) {
          const found = await everyRow(viewer.client, `/v1/deals?${filter}&sort=${sort}`, 2);
          const his = found.map(({ id }) => byOwner[id]).filter((owner) => owner !== undefined);
          expect([sort, his.sort()]).toEqual([sort, [...REACHED[level]].sort()]);
          expect([sort, tells(JSON.stringify(found))]).toEqual([sort, false]);
        }
        const { count, items } = await answered(
          200,
          viewer.client.get<{ count: number; items: Made[] }>(`/v1/deals?${filter}&count=true&limit=200`),
        );
        expect(count).toBe(items.length);
        expect(await everyRow(viewer.client, '/v1/deals?attribution[utm_source]=nothing')).toEqual([]);
      }
      for (const sort of ['attribution', 'attribution[utm_source]', 'utm_source'])
        expect([sort, await outcome(viewer.client.get(`/v1/deals?sort=${sort}`))]).toEqual([sort, '422 unknown-sort']);
    },
  );

  it('is in no row, title, tag, note or field, and found by no word', async () => {
    const viewer = await viewerAt('forbidden');
    const { id } = await dealOf(viewer.id);
    const rows = await viewer.client.get('/v1/deals?limit=200');
    expect([rows.status, tells(rows.text)]).toEqual([200, false]);
    const card = await answered(200, viewer.client.get<Json>(`/v1/deals/${id}`));
    expect(card).toMatchObject({ tags: [], customFields: {} });
    expect(card['title']).toBe('Lead from Site');
    for (const word of [campaign, source]) {
      expect(await everyRow(staff.admin, `/v1/deals?q=${word}`)).toEqual([]);
      expect(await everyRow(staff.admin, `/v1/contacts?q=${word}`)).toEqual([]);
    }
    for (const row of await everyRow(staff.admin, '/v1/contacts')) expect(tells(JSON.stringify(row))).toBe(false);
    for (const body of [{ attribution: { utm_source: 'x' } }, { 'attribution[utm_source]': 'x' }])
      expect(await outcome(viewer.client.patch(`/v1/deals/${id}`, body))).toBe('422 validation-failed');
  });

  it('is nowhere in what is written down about people', async () => {
    const marketer = await viewerAt('allowed');
    const { id } = await dealOf(marketer.id);
    await answered(200, marketer.client.get(`/v1/deals/${id}`));
    await answered(200, marketer.client.get(`/v1/deals?attribution[utm_source]=${source}`));
    const reader = await viewerAt('forbidden');
    await outcome(reader.client.get(`/v1/deals?attribution[utm_source]=${source}`));
    await eventually('the opening in the ledger', async () => {
      const ledger = await staff.admin.get<{ items: Json[] }>(`/v1/exposure?userId=${marketer.id}`);
      expect([ledger.status, tells(ledger.text)]).toEqual([200, false]);
      return ledger.body.items.some(({ subjectId }) => subjectId === id) ? true : undefined;
    });
    for (const path of ['/v1/audit', '/v1/alerts', '/v1/monitoring/users', '/v1/monitoring/suggestions']) {
      const answer = await staff.admin.get(path);
      expect([path, answer.status, tells(answer.text)]).toEqual([path, 200, false]);
    }
  });

  it('goes with the right, from the next request on, also in the middle of a list', async () => {
    const roleId = await staff.role({ deal: { view: 'allowed' }, attribution: { view: 'allowed' } });
    const viewer = await staff.person({ roleIds: [roleId] });
    const deals = [await dealOf(null), await dealOf(null)];
    const [id, filter] = [deals[0]?.id ?? '', `attribution[utm_campaign]=${campaign}`];
    const page = await answered(200, viewer.client.get<{ nextCursor: string }>(`/v1/deals?${filter}&limit=1`));
    expect(tells((await viewer.client.get(`/v1/deals/${id}`)).text)).toBe(true);
    await answered(200, staff.admin.patch(`/v1/roles/${roleId}`, { grants: { deal: { view: 'allowed' } } }));
    expect(await outcome(viewer.client.get(`/v1/deals?${filter}&limit=1&cursor=${page.nextCursor}`))).toBe('422 unknown-filter');
    const card = await viewer.client.get(`/v1/deals/${id}`);
    expect([card.status, tells(card.text)]).toEqual([200, false]);
    // A page of the same list without the filter tells nothing of it.
    const unfiltered = await viewer.client.get(`/v1/deals?limit=1&cursor=${page.nextCursor}`);
    expect(tells(unfiltered.text)).toBe(false);
  });
});
