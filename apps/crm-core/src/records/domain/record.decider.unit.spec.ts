import fc from 'fast-check';
import { Secret, fold } from '#kernel';
import type { CustomContent, CustomValues } from './custom-values.js';
import { recordDecider, type RecordCommand, type RecordEvent } from './record.decider.js';

interface CardFields {
  readonly title: Secret<{ readonly text: string; readonly masked: string }>;
  readonly note: CardFields['title'] | null;
  readonly companyId: string | null;
  readonly points: readonly {
    readonly id: string;
    readonly label?: CardFields['title'];
    readonly value: Secret<string>;
    readonly unverified: boolean;
  }[];
  readonly customFields: CustomValues;
}
type CardEvent = RecordEvent<'Card', CardFields>;

const decider = recordDecider<'Card', CardFields>('Card');
const given = (...events: readonly CardEvent[]) => fold(decider, events);
const refusal = (code: string) => expect.objectContaining({ name: 'DomainError', code });

const text = (written: string, masked = written): CardFields['title'] => new Secret({ text: written, masked });
const card = (title = 'First'): CardFields => ({
  title: text(title),
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
    const changes = { title: text('First'), companyId: 'c1' };
    expect(decider.decide({ type: 'change', changes }, given(created))).toEqual([
      { type: 'CardChanged', data: { companyId: 'c1' } },
    ]);
  });

  it('given a field, when emptied, then it is null and the others stay', () => {
    const noted: CardEvent = { type: 'CardChanged', data: { note: text('n') } };
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
    expect(decider.decide({ type: 'change', changes: { note: text('n') } }, given(created, erased))).toHaveLength(1);
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

/** The number of a point that no body gave. */
const KEPT = new Secret('planted');
/** Plain values; `build` makes fresh secrets of them each time, as two decodings of one event do. */
const plainCard = fc.record({
  title: fc.string(),
  note: fc.option(fc.string()),
  companyId: fc.option(fc.uuid()),
  points: fc.array(fc.record({ id: fc.uuid(), label: fc.string(), unverified: fc.boolean() }), { maxLength: 4 }),
});
type PlainCard = typeof plainCard extends fc.Arbitrary<infer Plain> ? Plain : never;
const build = ({ title, note, companyId, points }: PlainCard): CardFields => ({
  title: text(title),
  note: note === null ? null : text(note),
  companyId,
  points: points.map((point) => ({ ...point, label: text(point.label), value: KEPT })),
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
  const word = (value: string, masked = value): Secret<CustomContent> =>
    new Secret<CustomContent>({ type: 'text', value, masked });
  const create = (customFields: CustomValues) =>
    decider.decide({ type: 'create', fields: { ...card(), customFields }, responsibleId: null, leadId: null }, given());
  const change = (events: readonly CardEvent[], customFields: CustomValues) =>
    decider.decide({ type: 'change', changes: { customFields } }, given(...events));

  it('given nothing, when created with an empty one, then it is not there', () => {
    const [event] = create({ f1: word('a'), f2: null });
    expect(event?.data).toMatchObject({ customFields: { f1: word('a') } });
    expect(Object.keys((event?.data as CardFields).customFields)).toEqual(['f1']);
  });

  it('given some, when one is changed and one emptied, then those two alone, and the others stay', () => {
    const history = create({ f1: word('a'), f2: word('b'), f3: word('c') });
    const events = change(history, { f1: word('new'), f2: null, f3: word('c'), f4: null });
    expect(events).toEqual([{ type: 'CardChanged', data: { customFields: { f1: word('new'), f2: null } } }]);
    expect(given(...history, ...events)).toMatchObject({ fields: { customFields: { f1: word('new'), f3: word('c') } } });
    const state = given(...history, ...events);
    expect(state.phase !== 'none' && Object.keys(state.fields.customFields)).toEqual(['f1', 'f3']);
  });

  it('given some, when given again as they are, or others are changed, then they are in no event', () => {
    const history = create({ f1: word('a') });
    expect(change(history, { f1: word('a') })).toEqual([]);
    const changes = { companyId: 'c9', customFields: {} };
    expect(decider.decide({ type: 'change', changes }, given(...history))).toEqual([
      { type: 'CardChanged', data: { companyId: 'c9' } },
    ]);
  });
});

describe('what is hidden is no input to whether something changed', () => {
  const MASK = '+7 *** ***-**-67';
  const present = {
    title: text('Call 89161234567', `Call ${MASK}`),
    points: [{ id: 'p1', value: new Secret('+79161234567'), unverified: false }],
    customFields: {
      f1: new Secret<CustomContent>({ type: 'phone', value: '+79161234567' }),
      f2: new Secret<CustomContent>({ type: 'text', value: 'ask 89161234567', masked: `ask ${MASK}` }),
      f3: new Secret<CustomContent>({ type: 'choice', value: 'red' }),
    },
  };
  const state = given({ type: 'CardCreated', data: { ...card(), ...present, responsibleId: null, leadId: null } });
  const changedBy = (changes: Partial<CardFields>): string[] =>
    decider.decide({ type: 'change', changes }, state).flatMap(({ data }) => Object.keys(data));

  it.each(['1234567', '7654367'])('given a number, when one is guessed, right or wrong (%s), then it is a change', (digits) => {
    const number = `8916${digits}`;
    expect(changedBy({ title: text(`Call ${number}`, `Call ${MASK}`) })).toEqual(['title']);
    expect(changedBy({ points: [{ id: 'p1', value: new Secret(`+7916${digits}`), unverified: false }] })).toEqual(['points']);
    const phone = new Secret<CustomContent>({ type: 'phone', value: `+7916${digits}` });
    const remark = new Secret<CustomContent>({ type: 'text', value: `ask ${number}`, masked: `ask ${MASK}` });
    expect(changedBy({ customFields: { f1: phone } })).toEqual(['customFields']);
    expect(changedBy({ customFields: { f2: remark } })).toEqual(['customFields']);
  });

  it('given a masked text, when it comes back as it is shown, then nothing changes and nothing is lost', () => {
    const shown = `ask ${MASK}`;
    expect(changedBy({ title: text(`Call ${MASK}`) })).toEqual([]);
    expect(changedBy({ customFields: { f2: new Secret<CustomContent>({ type: 'text', value: shown, masked: shown }) } })).toEqual(
      [],
    );
  });

  it('given what is not hidden, when given again, then nothing changes', () => {
    expect(changedBy({ points: present.points, customFields: { f3: new Secret({ type: 'choice', value: 'red' }) } })).toEqual([]);
  });
});
