import fc from 'fast-check';
import { DomainError, Secret, fold, type Decider, type DomainEvent } from '#kernel';
import { companyDecider } from '../../companies/domain/company.decider.js';
import { contactDecider } from '../../contacts/domain/contact.decider.js';
import { dealDecider } from '../../deals/domain/deal.decider.js';
import { compensate } from './compensation.js';
import { planRecord, type RecordPlan, type Touch } from './record-plan.js';
import { fieldsTouched, kindOf, namesIn } from './touched-fields.js';

type Phase = { readonly phase: 'none' | 'live' | 'deleted' };
type AnyDecider = Decider<Phase, unknown, DomainEvent>;
interface Step {
  readonly actor: string;
  readonly command: { readonly type: string } & Record<string, unknown>;
}
interface Done {
  readonly event: DomainEvent;
  readonly actor: string;
  readonly causationId: string | null;
}

const DECIDERS = { Contact: contactDecider, Company: companyDecider, Deal: dealDecider } as unknown as Record<string, AnyDecider>;
const ACTORS = ['anna', 'bert', 'cora'];
const ADMIN = 'admin';
/** Fields of every kind that a PATCH can change, and those with events of their own. */
const FIELDS = [
  'note',
  'tags',
  'companyId',
  'customFields.x',
  'customFields.y',
  'responsibleId',
  'stageId',
  'status',
  'deleted',
] as const;
type Field = (typeof FIELDS)[number];

const EMPTY = { note: null, tags: [], companyId: null, customFields: { y: new Secret('first') } };
const word = fc.constantFrom('a', 'b', 'c');

function commandOn(field: Field): fc.Arbitrary<Step['command']> {
  switch (field) {
    case 'note':
      return fc.option(word).map((text) => ({ type: 'change', changes: { note: text && new Secret({ text, masked: text }) } }));
    case 'tags':
      return fc
        .array(word, { maxLength: 2 })
        .map((tags) => ({ type: 'change', changes: { tags: tags.map((tag) => new Secret(tag)) } }));
    case 'companyId':
      return fc.option(word).map((companyId) => ({ type: 'change', changes: { companyId } }));
    case 'responsibleId':
      return fc.option(word).map((responsibleId) => ({ type: 'assign', responsibleId }));
    case 'stageId':
      return word.map((stageId) => ({ type: 'move', stageId }));
    case 'customFields.x':
    case 'customFields.y':
      return fc.option(word).map((text) => ({
        type: 'change',
        changes: { customFields: { [field.slice(-1)]: text && new Secret({ type: 'text', value: text, masked: text }) } },
      }));
    case 'status':
      return fc.oneof(
        fc.constantFrom({ type: 'win' }, { type: 'reopen' }),
        word.map((reason) => ({ type: 'lose', reason: new Secret({ text: reason, masked: reason }) })),
      );
    case 'deleted':
      return fc.constantFrom({ type: 'delete' }, { type: 'restore' });
  }
}

const CREATE = {
  type: 'create',
  fields: EMPTY,
  responsibleId: null,
  leadId: null,
  pipelineId: 'p',
  stageId: 'a',
  attribution: null,
};
const kind = fc.constantFrom('Contact', 'Company', 'Deal');
const fieldsOf = (name: string): readonly Field[] =>
  FIELDS.filter((field) => name === 'Deal' || (field !== 'stageId' && field !== 'status'));
const steps = (name: string, owner?: ReadonlyMap<Field, string>): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.constantFrom(...fieldsOf(name)).chain((field) =>
      fc.record({
        actor: owner ? fc.constant(owner.get(field) ?? 'bert') : fc.constantFrom(...ACTORS),
        command: commandOn(field),
      }),
    ),
    { maxLength: 25 },
  );

/** What of the steps the rules accept, after a creation. */
function happen(decider: AnyDecider, creator: string, all: readonly Step[]): Done[] {
  const done: Done[] = [];
  for (const { actor, command } of [{ actor: creator, command: CREATE }, ...all]) {
    try {
      const events = decider.decide(command, stateOf(decider, done));
      done.push(...events.map((event) => ({ event, actor, causationId: null })));
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
    }
  }
  return done;
}

function stateOf(decider: AnyDecider, done: readonly Done[]): Phase {
  return fold(
    decider,
    done.map(({ event }) => event),
  );
}

const timeOf = (index: number): string => new Date(index * 1_000).toISOString();

function planOf(done: readonly Done[], userId: string, rewindId: string, since: number): RecordPlan {
  const touches = done.map(({ event, actor, causationId }, index): Touch => {
    const of = kindOf(event.type);
    const fields = fieldsTouched(of, namesIn(event.data));
    return { seq: index, version: index + 1, kind: of, actorId: actor, at: timeOf(index), causationId, fields };
  });
  return planRecord(touches, { rewindId, userId, since: timeOf(since), until: timeOf(done.length) });
}

/** The history with the rewind's events after it. Throws when the rules refuse one of them. */
function rewound(decider: AnyDecider, done: readonly Done[], userId: string, rewindId: string, since = 0): Done[] {
  const { putBack } = planOf(done, userId, rewindId, since);
  const history = done.map(({ event }) => event);
  const events = compensate(decider, stateOf(decider, done), history, putBack);
  return [...done, ...events.map((event) => ({ event, actor: ADMIN, causationId: rewindId }))];
}

/** Secrets are compared by what is in them: to a comparison of objects they all look alike. */
function plain(value: unknown): unknown {
  if (value instanceof Secret) return { secret: plain(value.expose()) };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
}

const histories = kind.chain((name) =>
  fc.record({ name: fc.constant(name), creator: fc.constantFrom(...ACTORS), all: steps(name) }),
);
/** Each field has one person who touches it. */
const separate = kind.chain((name) =>
  fc
    .array(fc.constantFrom(...ACTORS), { minLength: FIELDS.length, maxLength: FIELDS.length })
    .map((owners) => new Map(FIELDS.map((field, index) => [field, owners[index] as string])))
    .chain((owner) => fc.record({ name: fc.constant(name), creator: fc.constantFrom('bert', 'cora'), all: steps(name, owner) })),
);

describe('undoing what a person did', () => {
  it('leaves the state as if he had never acted, when nobody else touched those fields', () => {
    fc.assert(
      fc.property(fc.array(separate, { minLength: 1, maxLength: 4 }), (records) => {
        for (const { name, creator, all } of records) {
          const decider = DECIDERS[name] as AnyDecider;
          const done = happen(decider, creator, all);
          const without = done.filter(({ actor }) => actor !== 'anna');
          const after = rewound(decider, done, 'anna', 'r1');
          expect(plain(stateOf(decider, after))).toEqual(plain(stateOf(decider, without)));
          expect(planOf(done, 'anna', 'r1', 0).conflicts).toEqual([]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('deletes what he alone made and touched', () => {
    fc.assert(
      fc.property(histories, ({ name, all }) => {
        const decider = DECIDERS[name] as AnyDecider;
        const done = happen(
          decider,
          'anna',
          all.map((step) => ({ ...step, actor: 'anna' })),
        );
        expect(stateOf(decider, rewound(decider, done, 'anna', 'r1')).phase).toBe('deleted');
      }),
    );
  });

  it('keeps every field that somebody else touched last, and gives the others what somebody else gave them last', () => {
    fc.assert(
      fc.property(histories, ({ name, creator, all }) => {
        const decider = DECIDERS[name] as AnyDecider;
        // A creation of his own that stays leaves nothing to compare with here.
        fc.pre(creator !== 'anna');
        const done = happen(decider, creator, all);
        const after = flat(stateOf(decider, rewound(decider, done, 'anna', 'r1')));
        const [now, others] = [
          flat(stateOf(decider, done)),
          flat(
            stateOf(
              decider,
              done.filter(({ actor }) => actor !== 'anna'),
            ),
          ),
        ];
        for (const field of fieldsOf(name)) {
          const last = done.findLast(({ event }) => touches(event, field));
          expect([field, after[field]]).toEqual([field, (last?.actor === 'anna' ? others : now)[field]]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is itself undone by undoing the administrator: the state before, whatever happened', () => {
    fc.assert(
      fc.property(histories, ({ name, creator, all }) => {
        const decider = DECIDERS[name] as AnyDecider;
        const done = happen(decider, creator, all);
        const once = rewound(decider, done, 'anna', 'r1');
        const twice = rewound(decider, once, ADMIN, 'r2', done.length);
        expect(plain(stateOf(decider, twice))).toEqual(plain(stateOf(decider, done)));
      }),
      { numRuns: 500 },
    );
  });
});

function touches({ type, data }: DomainEvent, field: Field): boolean {
  const of = kindOf(type);
  return of === 'created' || fieldsTouched(of, namesIn(data)).includes(field);
}

/** The fields of a state beside each other. */
function flat(state: Phase): Record<string, unknown> {
  const { fields, ...rest } = plain(state) as {
    fields: { customFields: Record<string, unknown> } & object;
    loseReason?: unknown;
    status?: string;
  };
  const custom = Object.entries(fields.customFields).map(([id, value]) => [`customFields.${id}`, value]);
  const status = [rest.status, rest.loseReason];
  return { ...fields, ...Object.fromEntries(custom), ...rest, status, deleted: state.phase === 'deleted' };
}
