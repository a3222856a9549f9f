import pg from 'pg';
import { startSystem, type HttpAnswer, type System } from '#testing';
import {
  answered,
  eventually,
  everyRow,
  freshNumber,
  made,
  maskOf,
  Staff,
  unique,
  type Grants,
  type Json,
  type Made,
  type Person,
} from './staff.js';

type Change = { recordType: string; recordId: string; version: number; kind: string; fields: string[] };
type Conflict = Change & { field: string; changedBy: string | null; reason: string };
type Lists = { changes: Change[]; conflicts: Conflict[] };
type Rewind = Lists & { rewindId: string; state: string; done: number; total: number };
type Card = Made & { note: string | null; phones: { id: string; masked: string; number?: string }[]; stageId: string };

const EVERYTHING = {
  view: 'allowed',
  create: 'allowed',
  edit: 'allowed',
  delete: 'allowed',
  restore: 'allowed',
  assign: 'allowed',
} as const;
const SELLER: Grants = { contact: EVERYTHING, deal: { ...EVERYTHING, move: 'allowed' }, pipelines: { view: 'allowed' } };
const LANES = 8;
const [DELETED, BLANKED, MOVED] = [300, 200, 400];

/** Each item once, some side by side. */
async function inLanes<T, R>(items: readonly T[], run: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const waiting = items.entries();
  const lane = async (): Promise<void> => {
    for (const [index, item] of waiting) results[index] = await run(item, index);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return results;
}
const times = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const idsOf = (entries: readonly Change[], kind: string): string[] =>
  entries.filter((entry) => entry.kind === kind).map(({ recordId }) => recordId);
const sorted = (ids: readonly string[]): string[] => [...ids].sort();

describe('a manager wrecks the base, and the administrator rewinds him', () => {
  let system: System;
  let staff: Staff;
  let owner: Person;
  let manager: Person;
  let colleague: Person;
  let viewer: Person;
  let stages: string[];
  let contacts: { id: string; number: string }[];
  let deals: string[];
  let since: string;
  /** Contacts whose note and phones are blanked; the others are deleted. */
  let blanked: { id: string; number: string }[];
  let deleted: string[];
  let rewindId: string;
  let rewoundAt: string;

  beforeAll(async () => {
    system = await startSystem({ cores: 2 });
    staff = await Staff.of(system);
    const seller = { grants: SELLER };
    [owner, manager, colleague] = [await staff.person(seller), await staff.person(seller), await staff.person(seller)];
    viewer = await staff.person({ grants: { ...SELLER, phone: { view: 'allowed' } } });
    const { items } = await answered(200, owner.client.get<{ items: { stages: { id: string }[] }[] }>('/v1/pipelines'));
    stages = items[0]?.stages.map(({ id }) => id) ?? [];
    contacts = await inLanes(times(DELETED + BLANKED), async () => {
      const number = freshNumber();
      const body = { name: unique('Contact'), note: 'worth keeping', phones: [{ number }] };
      return { id: (await made(owner.client.post('/v1/contacts', body))).id, number };
    });
    deals = await inLanes(times(MOVED), async () => (await made(owner.client.post('/v1/deals', { title: unique('Deal') }))).id);
    deleted = contacts.slice(0, DELETED).map(({ id }) => id);
    blanked = contacts.slice(DELETED);
    since = new Date().toISOString();
  }, 200_000);
  afterAll(() => system?.stop());

  const card = async (person: Person, path: string): Promise<Card> => (await answered(200, person.client.get(path))) as Card;
  const rewind = (userId: string, body: Json, headers?: Record<string, string>): Promise<HttpAnswer<Json>> =>
    staff.admin.post(`/v1/users/${userId}/rewind`, body, headers);
  const preview = async (userId: string, from: string): Promise<Lists> =>
    (await answered(200, rewind(userId, { since: from, dryRun: true }))) as Lists;
  const read = (id: string): Promise<Rewind> => answered(200, staff.admin.get(`/v1/rewinds/${id}`)) as unknown as Promise<Rewind>;
  const finished = (id: string): Promise<Rewind> =>
    eventually(
      'the rewind to end',
      async () => {
        const answer = await staff.admin.get<Rewind>(`/v1/rewinds/${id}`).catch(() => undefined);
        return answer?.status === 200 && answer.body.state !== 'running' ? answer.body : undefined;
      },
      90_000,
    );
  async function query<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    const database = new pg.Client({ connectionString: system.connections.database.superuser });
    await database.connect();
    try {
      return (await database.query<Row>(text, values)).rows;
    } finally {
      await database.end();
    }
  }
  /** Which contacts an exact lookup by number would find. */
  const pointsOf = async (ids: readonly string[]): Promise<string[]> =>
    (
      await query<{ point: string }>(
        `SELECT record_id || ' ' || id || ' ' || encode(blind_index, 'hex') AS point FROM vault.points WHERE record_id = ANY($1)
         ORDER BY 1`,
        [ids],
      )
    ).map(({ point }) => point);
  let pointsBefore: string[];

  it('he deletes 300 records, blanks 200 notes and phones, moves and reassigns 400 deals', async () => {
    pointsBefore = await pointsOf(contacts.map(({ id }) => id));
    expect(pointsBefore).toHaveLength(DELETED + BLANKED);
    await inLanes(deleted, (id) => answered(200, manager.client.delete(`/v1/contacts/${id}`)));
    await inLanes(blanked, ({ id }) => answered(200, manager.client.patch(`/v1/contacts/${id}`, { note: null, phones: [] })));
    await inLanes(deals, async (id) => {
      await answered(200, manager.client.post(`/v1/deals/${id}/move`, { stageId: stages[3] }));
      await answered(200, manager.client.post(`/v1/deals/${id}/assign`, { responsibleId: manager.id }));
    });
    expect(await everyRow(owner.client, '/v1/contacts')).toHaveLength(BLANKED);
    expect(await pointsOf(blanked.map(({ id }) => id))).toEqual([]);
    await answered(200, colleague.client.patch(`/v1/contacts/${blanked[0]?.id}`, { note: 'of the colleague' }));
    await answered(200, colleague.client.post(`/v1/deals/${deals[0]}/move`, { stageId: stages[1] }));
    await answered(200, staff.admin.post(`/v1/users/${manager.id}/deactivate`, { reason: 'wrecked the base' }));
  }, 120_000);

  it('a dry run names everything and the conflicts, newest first, and changes nothing', async () => {
    const [before] = await query<{ events: string }>(`SELECT count(*) AS events FROM es.events WHERE type <> 'AuditRecorded'`);
    const { changes, conflicts } = await preview(manager.id, since);
    expect(sorted(idsOf(changes, 'deleted'))).toEqual(sorted(deleted));
    expect(sorted(idsOf(changes, 'changed'))).toEqual(sorted(blanked.map(({ id }) => id)));
    expect(sorted(idsOf(changes, 'moved'))).toEqual(sorted(deals.slice(1)));
    expect(sorted(idsOf(changes, 'assigned'))).toEqual(sorted(deals));
    expect(changes).toHaveLength(DELETED + BLANKED + MOVED + MOVED - 1);
    expect(changes.findLastIndex(({ recordType }) => recordType === 'deal')).toBe(MOVED + MOVED - 2);
    expect(changes.find(({ recordId }) => recordId === blanked[0]?.id)).toEqual({
      ...{ recordType: 'contact', recordId: blanked[0]?.id, version: 2, kind: 'changed', fields: ['phones'] },
    });
    const later = { changedBy: colleague.id, reason: 'changed-later', version: 2 };
    expect(conflicts).toEqual([
      { ...later, recordType: 'deal', recordId: deals[0], kind: 'moved', fields: ['stageId'], field: 'stageId' },
      {
        ...{ ...later, recordType: 'contact', recordId: blanked[0]?.id, kind: 'changed', field: 'note' },
        fields: expect.arrayContaining(['note', 'phones']) as string[],
      },
    ]);
    expect(await query(`SELECT count(*) AS events FROM es.events WHERE type <> 'AuditRecorded'`)).toEqual([before]);
    const key = { 'idempotency-key': 'dry' };
    const first = await answered(200, rewind(manager.id, { since, dryRun: true }, key));
    expect(await answered(200, rewind(manager.id, { since, dryRun: true }, key))).toEqual(first);
    expect((await rewind(manager.id, { since }, key)).body['code']).toBe('idempotency-key-reused');
    expect(await everyRow(owner.client, '/v1/contacts')).toHaveLength(BLANKED);
  });

  it('may be asked for by those with the right only, and for a window that is one', async () => {
    const body = { since };
    expect((await owner.client.post(`/v1/users/${manager.id}/rewind`, body)).body['code']).toBe('forbidden');
    expect((await owner.client.get(`/v1/rewinds/${manager.id}`)).body['code']).toBe('forbidden');
    expect((await staff.admin.get(`/v1/rewinds/${manager.id}`)).body['code']).toBe('not-found');
    expect((await rewind(deals[0] as string, body)).body['code']).toBe('not-found');
    const until = new Date(Date.parse(since) - 1).toISOString();
    for (const wrong of [{}, { since: 'x' }, { since, until }, { since, more: 1 }]) {
      expect((await rewind(manager.id, wrong)).body['code']).toBe('validation-failed');
    }
  });

  it('undoes all but what the colleague changed, once, though core is killed in the middle', async () => {
    rewoundAt = new Date().toISOString();
    const key = { 'idempotency-key': 'rewind-once' };
    const begun = await rewind(manager.id, { since }, key);
    expect(begun.status).toBe(202);
    rewindId = String(begun.body['rewindId']);
    expect(begun.body).toEqual({ rewindId });
    const half = await eventually('some of it', async () => {
      const { done, total, state } = await read(rewindId);
      return done > 0 ? { done, total, state } : undefined;
    });
    expect(half).toMatchObject({ state: 'running', total: DELETED + BLANKED + MOVED + MOVED - 1 });
    await Promise.all([system.kill('crm-core', 0), system.kill('crm-core', 1)]);
    const end = await finished(rewindId);
    expect(end).toMatchObject({ rewindId, state: 'done', done: half.total, total: half.total });
    expect(end.conflicts.map(({ recordId, field }) => [recordId, field])).toEqual([
      [deals[0], 'stageId'],
      [blanked[0]?.id, 'note'],
    ]);
    expect(await answered(202, rewind(manager.id, { since }, key))).toEqual({ rewindId });
    expect((await rewind(manager.id, { since, dryRun: true }, key)).body['code']).toBe('idempotency-key-reused');
    const counted = await query(
      `SELECT type, count(*)::int AS events, count(DISTINCT stream)::int AS streams FROM es.events
       WHERE metadata->>'causationId' = $1 AND stream NOT LIKE 'rewind-%' GROUP BY type ORDER BY type`,
      [rewindId],
    );
    expect(counted).toEqual([
      { type: 'ContactChanged', events: BLANKED, streams: BLANKED },
      { type: 'ContactRestored', events: DELETED, streams: DELETED },
      { type: 'DealAssigned', events: MOVED, streams: MOVED },
      { type: 'DealMoved', events: MOVED - 1, streams: MOVED - 1 },
    ]);
  }, 120_000);

  it('the base is as it was: numbers in full for those who may see them, lookup values, stages, responsible people', async () => {
    expect(await everyRow(owner.client, '/v1/contacts')).toHaveLength(DELETED + BLANKED);
    expect(await pointsOf(contacts.map(({ id }) => id))).toEqual(pointsBefore);
    for (const { id, number } of [...contacts.slice(0, 5), ...blanked.slice(0, 20)]) {
      const { phones, note } = await card(viewer, `/v1/contacts/${id}`);
      expect(phones).toMatchObject([{ masked: maskOf(number), number }]);
      expect(note).toBe(id === blanked[0]?.id ? 'of the colleague' : 'worth keeping');
    }
    const rows = await everyRow<Made & { stageId: string; responsibleId: string }>(owner.client, '/v1/deals');
    expect(rows.filter(({ responsibleId }) => responsibleId === owner.id)).toHaveLength(MOVED);
    expect(rows.filter(({ id, stageId }) => stageId === (id === deals[0] ? stages[1] : stages[0]))).toHaveLength(MOVED);
  });

  it('no alarm about mass deletion arises, and rewinding him again finds that all was changed later', async () => {
    const again = await preview(manager.id, since);
    expect(again.changes).toEqual([]);
    expect(again.conflicts).toHaveLength(DELETED + BLANKED * 2 + MOVED * 2);
    const { items } = await answered(200, staff.admin.get<{ items: { type: string; userId: string }[] }>('/v1/alerts'));
    const { user } = await answered(200, staff.admin.get<{ user: { id: string } }>('/v1/me'));
    expect(items.filter(({ type, userId }) => type === 'mass.deletion' && userId === user.id)).toEqual([]);
    // Whom it undid was told of: what he deleted and assigned, and what he left without a number.
    const his = await everyRow<Json>(staff.admin, `/v1/alerts?userId=${manager.id}&type=mass.deletion`);
    expect(his.map(({ message }) => message)).toContainEqual(expect.stringMatching(/^One person took all numbers/));
  });

  it('the rewind is itself rewound: the wreck is back, and the colleague’s changes stay', async () => {
    const { user } = await answered(200, staff.admin.get<{ user: { id: string } }>('/v1/me'));
    const begun = await answered(202, rewind(user.id, { since: rewoundAt }));
    const end = await finished(String(begun['rewindId']));
    expect(end).toMatchObject({ state: 'done', conflicts: [], total: DELETED + BLANKED + MOVED + MOVED - 1 });
    // What hides so much is told of, though no gate counts it.
    const alarm = await eventually(
      'mass.deletion',
      async () => (await everyRow<Json>(staff.admin, `/v1/alerts?userId=${user.id}&type=mass.deletion`))[0],
    );
    expect(alarm).toMatchObject({ measure: 'record.deleted', count: DELETED, severity: 'critical' });
    const left = await everyRow(owner.client, '/v1/contacts');
    expect(sorted(left.map(({ id }) => id))).toEqual(sorted(blanked.map(({ id }) => id)));
    expect(await pointsOf(blanked.map(({ id }) => id))).toEqual([]);
    expect((await card(viewer, `/v1/contacts/${blanked[0]?.id}`)).note).toBe('of the colleague');
    const rows = await everyRow<Made & { stageId: string; responsibleId: string }>(owner.client, '/v1/deals');
    expect(rows.filter(({ responsibleId }) => responsibleId === manager.id)).toHaveLength(MOVED);
    expect(rows.filter(({ id, stageId }) => stageId === (id === deals[0] ? stages[1] : stages[3]))).toHaveLength(MOVED);
  }, 120_000);
});
