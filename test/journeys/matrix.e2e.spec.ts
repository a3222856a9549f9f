import { parse } from 'csv-parse/sync';
import { startSystem, type System } from '#testing';
import { RecordWatch } from './record-watch.js';
import {
  answered,
  everyRow,
  freshEmail,
  freshNumber,
  made,
  newPassword,
  outcome,
  Staff,
  unique,
  type Grants,
  type Json,
  type Level,
  type Person,
} from './staff.js';

import { exported } from './exported.js';

/*
 * The rights as a table: each kind of record, each action, each level, and whose the record is, through every way there is: card,
 * list, count, history, past card, live stream, export, the write itself, and what explaining says.
 */
const LEVELS = ['allowed', 'group', 'responsible', 'forbidden'] as const;
const KINDS = [
  ['contacts', 'contact', 'name'],
  ['companies', 'company', 'name'],
  ['deals', 'deal', 'title'],
] as const;
type Kind = (typeof KINDS)[number];
const ACTIONS = ['view', 'create', 'edit', 'delete', 'restore', 'assign', 'export', 'call', 'move'] as const;
type Action = (typeof ACTIONS)[number];
/** Whose a record is, seen from the person who asks; `gone` was deactivated in the department of both. */
const OWNERS = ['self', 'colleague', 'below', 'above', 'elsewhere', 'nobody', 'gone'] as const;
type Owner = (typeof OWNERS)[number];

/** The model: whose records each level reaches. */
function reaches(level: Level, owner: Owner): boolean {
  if (level === 'allowed') return true;
  if (level === 'group') return ['self', 'colleague', 'below', 'gone'].includes(owner);
  return level === 'responsible' && owner === 'self';
}

/** What the write is answered: the record can be seen, but what is deleted is there for nobody who may not bring it back. */
function written(action: Action, level: Level, owner: Owner): string {
  if (reaches(level, owner)) return '200';
  return action === 'restore' ? '404 not-found' : '403 forbidden';
}

interface Asked {
  readonly kind: Kind;
  readonly owner: Owner;
  readonly id: string;
  /** The paths of its number and its address; a deal has none. */
  readonly phone?: string;
  readonly email?: string;
}

describe('the matrix', () => {
  let system: System;
  let staff: Staff;
  let home: string;
  let owners: Record<'colleague' | 'below' | 'above' | 'elsewhere', string>;
  let stageId: string;

  beforeAll(async () => {
    system = await startSystem();
    staff = await Staff.of(system);
    const top = await staff.department();
    home = await staff.department(top);
    const [below, elsewhere] = [await staff.department(home), await staff.department(top)];
    owners = {
      colleague: await owner(home),
      below: await owner(below),
      above: await owner(top),
      elsewhere: await owner(elsewhere),
    };
    const { items } = await answered(200, staff.admin.get<{ items: { stages: { id: string }[] }[] }>('/v1/pipelines'));
    stageId = items[0]?.stages[1]?.id ?? '';
  }, 100_000);
  afterAll(() => system?.stop());

  /** Somebody to whom records belong; he never signs in, but could. */
  async function owner(departmentId: string): Promise<string> {
    const body = {
      email: `${unique('owner').toLowerCase()}@palisade.test`,
      name: unique('Owner'),
      departmentId,
      password: newPassword(),
    };
    return (await made(staff.admin.post('/v1/users', body))).id;
  }

  /** A person of the home department who may do everything to every record, but this at that level. */
  function colleagueWith(action: Action, level: Level): Promise<Person> {
    const grantsOf = (type: Kind[1]): Record<string, Level> => {
      const cells = ACTIONS.filter((one) => one !== 'move' || type === 'deal').map((one) => [one, 'allowed'] as const);
      const all = Object.fromEntries(cells) as Record<string, Level>;
      return action in all ? { ...all, [action]: level } : all;
    };
    const grants: Grants = Object.fromEntries(KINDS.map(([, type]) => [type, grantsOf(type)]));
    return staff.person({ grants, departmentId: home });
  }

  /** One record of each kind and owner. */
  async function records(self: Person): Promise<readonly Asked[]> {
    const gone = await owner(home);
    const idOf: Record<Owner, string | null> = { ...owners, self: self.id, nobody: null, gone };
    const all = KINDS.flatMap((kind) => OWNERS.map((owner) => ({ kind, owner })));
    const asked = await Promise.all(
      all.map(async ({ kind, owner }) => {
        const points = { phones: [{ number: freshNumber() }], emails: [{ address: freshEmail() }] };
        const body = { [kind[2]]: unique('Record'), responsibleId: idOf[owner], ...(kind[1] === 'deal' ? {} : points) };
        const card = await made(staff.admin.post(`/v1/${kind[0]}`, body));
        const pathOf = (list: 'phones' | 'emails'): string =>
          `/v1/${kind[0]}/${card.id}/${list}/${(card[list] as { id: string }[])[0]?.id}`;
        const paths = kind[1] === 'deal' ? {} : { phone: pathOf('phones'), email: pathOf('emails') };
        return { kind, owner, id: card.id, ...paths };
      }),
    );
    await answered(200, staff.admin.post(`/v1/users/${gone}/deactivate`, { reason: 'left the company' }));
    return asked;
  }

  const table = (asked: readonly Asked[], cell: (one: Asked) => unknown): readonly unknown[] =>
    asked.map((one) => [one.kind[0], one.owner, cell(one)]);

  async function ask(asked: readonly Asked[], question: (one: Asked) => Promise<string>): Promise<readonly unknown[]> {
    const answers = new Map(await Promise.all(asked.map(async (one) => [one.id, await question(one)] as const)));
    return table(asked, ({ id }) => answers.get(id));
  }

  const explained =
    (person: Person, action: Action) =>
    async (one: Asked): Promise<string> => {
      const question = { userId: person.id, action, recordType: one.kind[1], recordId: one.id };
      const { decision, level } = await answered(200, staff.admin.post<Json>('/v1/access/explain', question));
      return `${String(decision)} at ${String(level)}`;
    };
  const explanation = (level: Level, owner: Owner): string => `${reaches(level, owner) ? 'allowed' : 'refused'} at ${level}`;

  /** The rows of the records asked about that a list holds; its count is of the rows that are seen, and of no others. */
  async function listed(person: Person, [route]: Kind, asked: readonly Asked[], filter = ''): Promise<readonly Owner[]> {
    const rows = (await everyRow(person.client, `/v1/${route}?${filter}`)).map(({ id }) => id);
    const { count } = await answered(200, person.client.get<{ count: number }>(`/v1/${route}?count=true&limit=1&${filter}`));
    expect([route, count]).toEqual([route, rows.length]);
    return asked.filter((one) => one.kind[0] === route && rows.includes(one.id)).map(({ owner }) => owner);
  }

  /** Whether the live stream told of each record when it was made; a record of his own, made last, tells that all has come. */
  async function delivered(person: Person, watch: RecordWatch | undefined, asked: readonly Asked[]): Promise<readonly unknown[]> {
    if (watch === undefined) {
      expect(await outcome(person.client.get('/v1/events/stream'))).toBe('403 forbidden');
      return table(asked, () => false);
    }
    const last = await made(staff.admin.post('/v1/contacts', { name: unique('Last'), responsibleId: person.id }));
    const told = (await watch.before(last.id)).map(({ id }) => id);
    watch.close();
    return table(asked, ({ id }) => told.includes(id));
  }

  /** The rows of the records asked about that an export holds, or what it is refused with. */
  async function inExport(person: Person, [route]: Kind, asked: readonly Asked[]): Promise<readonly Owner[] | string> {
    const body = { type: route, format: 'csv' };
    const may = await outcome(person.client.post('/v1/exports', { ...body, filter: { responsibleId: person.id } }));
    if (may !== '202') return may;
    const { bytes } = await exported(person.client, body);
    const ids = (parse(bytes, { columns: true, bom: true }) as { id: string }[]).map(({ id }) => id);
    return asked.filter((one) => one.kind[0] === route && ids.includes(one.id)).map(({ owner }) => owner);
  }
  const exportable = (level: Level): readonly Owner[] | string =>
    level === 'forbidden' ? '403 forbidden' : OWNERS.filter((owner) => reaches(level, owner));

  it.each(LEVELS)('to see at the level %s', async (level) => {
    const person = await colleagueWith('view', level);
    const watch = level === 'forbidden' ? undefined : await RecordWatch.open(person.client);
    const asked = await records(person);
    expect(await delivered(person, watch, asked)).toEqual(table(asked, ({ owner }) => reaches(level, owner)));
    // No level of viewing at all is told before any record is looked at.
    const seen = ({ owner }: Asked): string =>
      level === 'forbidden' ? '403 forbidden' : reaches(level, owner) ? '200' : '404 not-found';
    const now = encodeURIComponent(new Date().toISOString());
    for (const way of ['', '/history', `?at=${now}`]) {
      const answers = await ask(asked, ({ kind, id }) => outcome(person.client.get(`/v1/${kind[0]}/${id}${way}`)));
      expect([way, answers]).toEqual([way, table(asked, seen)]);
    }
    expect(await ask(asked, explained(person, 'view'))).toEqual(table(asked, ({ owner }) => explanation(level, owner)));
    for (const kind of KINDS) {
      if (level === 'forbidden') expect(await outcome(person.client.get(`/v1/${kind[0]}`))).toBe('403 forbidden');
      else expect(await listed(person, kind, asked)).toEqual(OWNERS.filter((owner) => reaches(level, owner)));
      // Whoever may export everything exports what he sees.
      expect([kind[0], await inExport(person, kind, asked)]).toEqual([kind[0], exportable(level)]);
    }
    // What cannot be seen cannot be changed, whatever else is held: it is not there.
    const changed = await ask(asked, ({ kind, id }) => outcome(person.client.patch(`/v1/${kind[0]}/${id}`, { note: 'x' })));
    expect(changed).toEqual(table(asked, ({ owner }) => (reaches(level, owner) ? '200' : '404 not-found')));
  });

  const writes: Readonly<
    Record<'edit' | 'delete' | 'restore' | 'assign' | 'move', (person: Person, path: string) => Promise<string>>
  > = {
    edit: ({ client }, path) => outcome(client.patch(path, { note: 'changed' })),
    delete: ({ client }, path) => outcome(client.delete(path)),
    restore: ({ client }, path) => outcome(client.post(`${path}/restore`)),
    assign: ({ client, id }, path) => outcome(client.post(`${path}/assign`, { responsibleId: id })),
    move: ({ client }, path) => outcome(client.post(`${path}/move`, { stageId })),
  };
  const writing = (['edit', 'delete', 'restore', 'assign', 'move'] as const).flatMap((action) =>
    LEVELS.map((level) => [action, level] as const),
  );
  it.each(writing)('to %s at the level %s', async (action, level) => {
    const person = await colleagueWith(action, level);
    const all = await records(person);
    const asked = action === 'move' ? all.filter(({ kind }) => kind[1] === 'deal') : all;
    if (action === 'restore') {
      await Promise.all(asked.map(({ kind, id }) => answered(200, staff.admin.delete(`/v1/${kind[0]}/${id}`))));
      for (const kind of KINDS)
        expect(await listed(person, kind, asked, 'deleted=true')).toEqual(OWNERS.filter((owner) => reaches(level, owner)));
    }
    expect(await ask(asked, explained(person, action))).toEqual(table(asked, ({ owner }) => explanation(level, owner)));
    const answers = await ask(asked, ({ kind, id }) => writes[action](person, `/v1/${kind[0]}/${id}`));
    expect(answers).toEqual(table(asked, ({ owner }) => written(action, level, owner)));
  });

  it.each(LEVELS)('to export at the level %s', async (level) => {
    const person = await colleagueWith('export', level);
    const asked = await records(person);
    expect(await ask(asked, explained(person, 'export'))).toEqual(table(asked, ({ owner }) => explanation(level, owner)));
    for (const kind of KINDS) expect([kind[0], await inExport(person, kind, asked)]).toEqual([kind[0], exportable(level)]);
  });

  const withPoints = (asked: readonly Asked[]): readonly Asked[] => asked.filter(({ phone }) => phone !== undefined);

  it.each(LEVELS)('to call at the level %s', async (level) => {
    const person = await colleagueWith('call', level);
    const asked = await records(person);
    expect(await ask(asked, explained(person, 'call'))).toEqual(table(asked, ({ owner }) => explanation(level, owner)));
    const called = withPoints(asked);
    const answers = await ask(called, ({ phone }) => outcome(person.client.post(`${phone}/call`)));
    expect(answers).toEqual(table(called, ({ owner }) => (reaches(level, owner) ? '202' : '403 forbidden')));
  });

  it.each(LEVELS)('to reveal at the level %s, numbers and addresses each by their own right', async (level) => {
    const asked = withPoints(await records(await colleagueWith('view', 'allowed')));
    for (const point of ['phone', 'email'] as const) {
      const person = await revealer(point, level);
      const self = asked.filter(({ owner }) => owner === 'self');
      await Promise.all(
        self.map(({ kind, id }) => answered(200, staff.admin.post(`/v1/${kind[0]}/${id}/assign`, { responsibleId: person.id }))),
      );
      for (const other of ['phone', 'email'] as const) {
        const reveal = (one: Asked): Promise<string> =>
          outcome(person.client.post(`${one[other]}/reveal`, { reason: 'asked for' }));
        const may = ({ owner }: Asked): boolean => other === point && reaches(level, owner);
        const expected = table(asked, (one) => (may(one) ? '200' : '403 forbidden'));
        expect([point, other, await ask(asked, reveal)]).toEqual([point, other, expected]);
      }
    }
  });

  /** A person of the home department who sees every record, and reveals one kind of points at that level. */
  function revealer(point: 'phone' | 'email', level: Level): Promise<Person> {
    const grants: Grants = { contact: { view: 'allowed' }, company: { view: 'allowed' }, [point]: { reveal: level } };
    return staff.person({ grants, departmentId: home });
  }

  it.each(['allowed', 'forbidden'] as const)('to create at the level %s', async (level) => {
    const person = await colleagueWith('create', level);
    for (const [route, , title] of KINDS) {
      const answer = await outcome(person.client.post(`/v1/${route}`, { [title]: unique('Record') }));
      expect([route, answer]).toEqual([route, level === 'allowed' ? '201' : '403 forbidden']);
    }
  });

  it.each(KINDS)('creating %s has no levels between', async (_route, type) => {
    for (const level of ['group', 'responsible']) {
      const role = { name: unique('Role'), grants: { [type]: { create: level } } };
      expect(await outcome(staff.admin.post('/v1/roles', role))).toBe('422 level-not-applicable');
    }
  });
});
