import { assertNever, refuse, type Decider } from '#kernel';
import { filledValues, type CustomValues } from './custom-values.js';
import { isSame } from './seen-difference.js';

/** What every kind of record has among its fields. */
export interface SharedFields {
  readonly customFields: CustomValues;
}

/** What happens to every kind of record; `Fields` are the fields of the kind that a PATCH can change. */
export type RecordEvent<Kind extends string, Fields> =
  | {
      readonly type: `${Kind}Created`;
      readonly data: Fields & { readonly responsibleId: string | null; readonly leadId: string | null };
    }
  | { readonly type: `${Kind}Changed`; readonly data: Partial<Fields> }
  | { readonly type: `${Kind}Assigned`; readonly data: { readonly responsibleId: string | null } }
  | { readonly type: `${Kind}Deleted`; readonly data: Readonly<Record<string, never>> }
  | { readonly type: `${Kind}Restored`; readonly data: Readonly<Record<string, never>> };

export type RecordCommand<Fields> =
  | { readonly type: 'create'; readonly fields: Fields; readonly responsibleId: string | null; readonly leadId: string | null }
  | { readonly type: 'change'; readonly changes: Partial<Fields> }
  | { readonly type: 'assign'; readonly responsibleId: string | null }
  | { readonly type: 'delete' }
  | { readonly type: 'restore' };

interface Present<Fields> {
  readonly fields: Fields;
  readonly responsibleId: string | null;
  readonly leadId: string | null;
}

/** `erased`: the person is gone for good; what is left of the fields is closed, and who was responsible tells who could see him. */
export type RecordState<Fields> =
  | { readonly phase: 'none' }
  | (Present<Fields> & { readonly phase: 'live' | 'deleted' })
  | (Present<Fields> & { readonly phase: 'erased' });

/**
 * The rules that contacts, companies and deals share. Creating twice, changing what is deleted or absent, deleting twice and
 * restoring what is not deleted are refused; a change to the same value is no event, unless the value is hidden.
 */
export function recordDecider<Kind extends string, Fields extends SharedFields>(
  kind: Kind,
): Decider<RecordState<Fields>, RecordCommand<Fields>, RecordEvent<Kind, Fields>> {
  type Event = RecordEvent<Kind, Fields>;
  const event = (suffix: string, data: unknown): Event => ({ type: `${kind}${suffix}`, data }) as unknown as Event;
  return {
    initialState: { phase: 'none' },
    decide(command, state) {
      if (command.type === 'create') {
        if (state.phase !== 'none') refuse('already-exists');
        return [event('Created', { ...newFields(command.fields), responsibleId: command.responsibleId, leadId: command.leadId })];
      }
      if (state.phase === 'none') return refuse('not-found');
      if (state.phase === 'erased') return refuse('erased');
      if (command.type === 'restore') return state.phase === 'deleted' ? [event('Restored', {})] : refuse('not-deleted');
      if (state.phase === 'deleted') return refuse('not-found');
      switch (command.type) {
        case 'change': {
          const changes = changedRecordFields(state.fields, command.changes);
          return Object.keys(changes).length === 0 ? [] : [event('Changed', changes)];
        }
        case 'assign':
          return command.responsibleId === state.responsibleId
            ? []
            : [event('Assigned', { responsibleId: command.responsibleId })];
        case 'delete':
          return [event('Deleted', {})];
        default:
          return assertNever(command);
      }
    },
    evolve(state, { type, data }): RecordState<Fields> {
      if (type === `${kind}Created`) {
        const { responsibleId, leadId, ...fields } = data as Fields & { responsibleId: string | null; leadId: string | null };
        return { phase: 'live', fields: fields as unknown as Fields, responsibleId, leadId };
      }
      if (state.phase === 'none') return state;
      if (type === `${kind}Changed`) return { ...state, fields: withChanges(state.fields, data as Partial<Fields>) };
      if (type === `${kind}Assigned`)
        return { ...state, responsibleId: (data as { responsibleId: string | null }).responsibleId };
      if (type === `${kind}Deleted`) return { ...state, phase: 'deleted' };
      return { ...state, phase: 'live' };
    },
  };
}

/** The fields of a new record: a custom field that is given empty is not given. */
export function newFields<Fields extends SharedFields>(fields: Fields): Fields {
  return { ...fields, customFields: filledValues(fields.customFields) };
}

/** `changedFields`, with custom fields looked at one by one: those that a change does not name stay. */
function changedRecordFields<Fields extends SharedFields>(present: Fields, changes: Partial<Fields>): Partial<Fields> {
  const { customFields = {}, ...others } = changes;
  const filled = Object.fromEntries(Object.keys(customFields).map((id) => [id, present.customFields[id] ?? null]));
  const changed = changedFields<CustomValues>(filled, customFields);
  return {
    ...changedFields<Fields>(present, others as unknown as Partial<Fields>),
    ...(Object.keys(changed).length === 0 ? {} : { customFields: changed }),
  };
}

/** The fields after a change. */
function withChanges<Fields extends SharedFields>(fields: Fields, changes: Partial<Fields>): Fields {
  const customFields = filledValues({ ...fields.customFields, ...changes.customFields });
  return { ...fields, ...changes, customFields };
}

/** The members of `changes` whose value differs from the present one, as far as who changes it can see (`isSame`). */
export function changedFields<Fields extends object>(present: Fields, changes: Partial<Fields>): Partial<Fields> {
  const differing = Object.entries(changes).filter(([name, value]) => !isSame((present as Record<string, unknown>)[name], value));
  return Object.fromEntries(differing) as Partial<Fields>;
}
