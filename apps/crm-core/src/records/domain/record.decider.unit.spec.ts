import fc from 'fast-check';
import { Secret, fold } from '#kernel';
import type { CustomContent, CustomValues } from './custom-values.js';
import { recordDecider, type RecordCommand, type RecordEvent } from './record.decider.js';

interface CardFields {
  readonly title: Secret<{ readonly text: string; readonly masked: string }>;
  readonly note: Secret<string> | null;
  readonly companyId: string | null;
  readonly points: readonly { readonly id: string; readonly value: Secret<string>; readonly unverified: boolean }[];
  readonly customFields: CustomValues;
}
type CardEvent = RecordEvent<'Card', CardFields>;

const decider = recordDecider<'Card', CardFields>('Card');
const given = (...events: readonly CardEvent[]) => fold(decider, events);
const refusal = (code: string) => expect.objectContaining({ name: 'DomainError', code });

const card = (text = 'First'): CardFields => ({
  title: new Secret({ text, masked: text }),
  note: null,
  companyId: null,
  points: [{ id: 'p1', value: new Secret('planted'), unverified: false }],
  customFields: {},
});
const created: CardEvent = { type: 'CardCreated', data: { ...card(), responsibleId: 'u1', leadId: null } };
const deleted: CardEvent = { type: 'CardDeleted', data: {} };
const restored: CardEvent = { type: 'CardRestored', data: {} };

describe('creating', () => {
  const create = { type: 'create', fields: card(), responsibleId: 'u1', leadId: 'l1' } as const;

  it('given nothing, when created, then it is live with its fields, its responsible person and its lead', () => {
    const events = decider.decide(create, given());
    expect(events.map(({ type }) => type)).toEqual(['CardCreated']);
    expect(given(...events)).toEqual({ phase: 'live', fields: create.fields, responsibleId: 'u1', leadId: 'l1' });
  });

  it.each([
    ['a record', [created]],
    ['a deleted record', [created, deleted]],
  ])('given %s, when created again, then already-exists', (_, events) => {
    expect(() => decider.decide(create, given(...events))).toThrow(refusal('already-exists'));
  });
});

describe('changing and assigning', () => {
  it('given a record, when changed, then only the fields that differ are in the event', () => {
    const changes = { title: new Secret({ text: 'First', masked: 'First' }), companyId: 'c1' };
    expect(decider.decide({ type: 'change', changes }, given(created))).toEqual([
      { type: 'CardChanged', data: { companyId: 'c1' } },
    ]);
  });

  it('given a field, when emptied, then it is null and the others stay', () => {
    const noted: CardEvent = { type: 'CardChanged', data: { note: new Secret('n') } };
    const events = decider.decide({ type: 'change', changes: { note: null } }, given(created, noted));
    expect(events).toEqual([{ type: 'CardChanged', data: { note: null } }]);
    expect(given(created, noted, ...events)).toEqual(given(created));
  });

  it('given a list, when one of its secrets differs, then the whole new list is in the event', () => {
    const points = [{ id: 'p1', value: new Secret('other'), unverified: false }];
    const [event] = decider.decide({ type: 'change', changes: { points } }, given(created));
    expect((event?.data as Partial<CardFields>).points?.[0]?.value.expose()).toBe('other');
  });

  it('given an erased value, when it is written anew, then it is a change: what was destroyed equals nothing', () => {
    const erased: CardEvent = { type: 'CardChanged', data: { note: Secret.erased() } };
    expect(decider.decide({ type: 'change', changes: { note: new Secret('n') } }, given(created, erased))).toHaveLength(1);
    expect(decider.decide({ type: 'change', changes: { note: Secret.erased() } }, given(created, erased))).toHaveLength(1);
  });

  it('given a record, when assigned to another or to nobody, then assigned', () => {
    expect(decider.decide({ type: 'assign', responsibleId: 'u2' }, given(created))).toEqual([
      { type: 'CardAssigned', data: { responsibleId: 'u2' } },
    ]);
    const events = decider.decide({ type: 'assign', responsibleId: null }, given(created));
    expect(given(created, ...events)).toMatchObject({ responsibleId: null });
  });

  it('given a responsible person, when assigned to the same, then nothing', () => {
    expect(decider.decide({ type: 'assign', responsibleId: 'u1' }, given(created))).toEqual([]);
  });
});

describe('deleting and restoring', () => {
  it('given a record, when deleted, then deleted, with everything it held', () => {
    const events = decider.decide({ type: 'delete' }, given(created));
    expect(events).toEqual([deleted]);
    expect(given(created, ...events)).toEqual({ ...given(created), phase: 'deleted' });
  });

  it('given a deleted record, when restored, then as it was', () => {
    expect(decider.decide({ type: 'restore' }, given(created, deleted))).toEqual([restored]);
    expect(given(created, deleted, restored)).toEqual(given(created));
  });

  it('given a live record, when restored, then not-deleted', () => {
    expect(() => decider.decide({ type: 'restore' }, given(created))).toThrow(refusal('not-deleted'));
    expect(() => decider.decide({ type: 'restore' }, given(created, deleted, restored))).toThrow(refusal('not-deleted'));
  });
});

const LATER: readonly RecordCommand<CardFields>[] = [
  { type: 'change', changes: { companyId: 'c2' } },
  { type: 'assign', responsibleId: 'u2' },
  { type: 'delete' },
];

describe.each(LATER)('what is not there: $type', (command) => {
  it('given nothing, then not-found', () => {
    expect(() => decider.decide(command, given())).toThrow(refusal('not-found'));
  });

  it('given a deleted record, then not-found', () => {
    expect(() => decider.decide(command, given(created, deleted))).toThrow(refusal('not-found'));
  });
});

it('given nothing, when restored, then not-found', () => {
  expect(() => decider.decide({ type: 'restore' }, given())).toThrow(refusal('not-found'));
});

/** Plain values; `build` makes fresh secrets of them each time, as two decodings of one event do. */
const plainCard = fc.record({
  title: fc.string(),
  note: fc.option(fc.string()),
  companyId: fc.option(fc.uuid()),
  points: fc.array(fc.record({ id: fc.uuid(), value: fc.string(), unverified: fc.boolean() }), { maxLength: 4 }),
});
type PlainCard = typeof plainCard extends fc.Arbitrary<infer Plain> ? Plain : never;
const build = ({ title, note, companyId, points }: PlainCard): CardFields => ({
  title: new Secret({ text: title, masked: title }),
  note: note === null ? null : new Secret(note),
  companyId,
  points: points.map((point) => ({ ...point, value: new Secret(point.value) })),
  customFields: {},
});
const createdFrom = (plain: PlainCard): CardEvent => ({
  type: 'CardCreated',
  data: { ...build(plain), responsibleId: null, leadId: null },
});
const someFields = fc.subarray(['title', 'note', 'companyId', 'points'] as const);
const only = (fields: CardFields, names: readonly (keyof CardFields)[]): Partial<CardFields> =>
  Object.fromEntries(names.map((name) => [name, fields[name]]));

describe('for every record', () => {
  it('a change to the same value is no event', () => {
    fc.assert(
      fc.property(plainCard, someFields, (plain, names) => {
        const changes = only(build(plain), names);
        expect(decider.decide({ type: 'change', changes }, given(createdFrom(plain)))).toEqual([]);
      }),
    );
  });

  it('a change made twice is one event, and leaves the fields not given as they were', () => {
    fc.assert(
      fc.property(plainCard, plainCard, someFields, (before, after, names) => {
        const changes = only(build(after), names);
        const events = decider.decide({ type: 'change', changes }, given(createdFrom(before)));
        const state = given(createdFrom(before), ...events);
        expect(decider.decide({ type: 'change', changes: only(build(after), names) }, state)).toEqual([]);
        const untouched = (['title', 'note', 'companyId', 'points'] as const).filter((name) => !names.includes(name));
        expect(decider.decide({ type: 'change', changes: only(build(before), untouched) }, state)).toEqual([]);
      }),
    );
  });

  it('an event names a field exactly when its value differs', () => {
    fc.assert(
      fc.property(plainCard, plainCard, (before, after) => {
        const [event] = decider.decide({ type: 'change', changes: build(after) }, given(createdFrom(before)));
        const differing = (['title', 'note', 'companyId', 'points'] as const).filter(
          (name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
        );
        expect(Object.keys(event?.data ?? {}).sort()).toEqual([...differing].sort());
      }),
    );
  });
});

describe('custom fields', () => {
  const text = (value: string): Secret<CustomContent> => new Secret<CustomContent>({ type: 'text', value, masked: value });
  const create = (customFields: CustomValues) =>
    decider.decide({ type: 'create', fields: { ...card(), customFields }, responsibleId: null, leadId: null }, given());
  const change = (events: readonly CardEvent[], customFields: CustomValues) =>
    decider.decide({ type: 'change', changes: { customFields } }, given(...events));

  it('given nothing, when created with an empty one, then it is not there', () => {
    const [event] = create({ f1: text('a'), f2: null });
    expect(event?.data).toMatchObject({ customFields: { f1: text('a') } });
    expect(Object.keys((event?.data as CardFields).customFields)).toEqual(['f1']);
  });

  it('given some, when one is changed and one emptied, then those two alone, and the others stay', () => {
    const history = create({ f1: text('a'), f2: text('b'), f3: text('c') });
    const events = change(history, { f1: text('new'), f2: null, f3: text('c'), f4: null });
    expect(events).toEqual([{ type: 'CardChanged', data: { customFields: { f1: text('new'), f2: null } } }]);
    expect(given(...history, ...events)).toMatchObject({ fields: { customFields: { f1: text('new'), f3: text('c') } } });
    const state = given(...history, ...events);
    expect(state.phase !== 'none' && Object.keys(state.fields.customFields)).toEqual(['f1', 'f3']);
  });

  it('given some, when given again as they are, or others are changed, then they are in no event', () => {
    const history = create({ f1: text('a') });
    expect(change(history, { f1: text('a') })).toEqual([]);
    const changes = { companyId: 'c9', customFields: {} };
    expect(decider.decide({ type: 'change', changes }, given(...history))).toEqual([
      { type: 'CardChanged', data: { companyId: 'c9' } },
    ]);
  });
});
