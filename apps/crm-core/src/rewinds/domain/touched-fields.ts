import type { ChangeKind } from '#contracts';
import type { CompanyEvent } from '../../companies/domain/company.events.js';
import type { ContactEvent } from '../../contacts/domain/contact.events.js';
import type { DealEvent } from '../../deals/domain/deal.events.js';

/** Erasing is in this list because it ends what a rewind can reach; it is never undone itself. */
export type TouchKind = ChangeKind | 'erased';

type RecordEventType = ContactEvent['type'] | CompanyEvent['type'] | DealEvent['type'];

/** Every event type of a record. A new one stops the build here until it is said what it touches. */
const KINDS: Readonly<Record<RecordEventType, TouchKind>> = {
  ContactCreated: 'created',
  ContactChanged: 'changed',
  ContactAssigned: 'assigned',
  ContactDeleted: 'deleted',
  ContactRestored: 'restored',
  ContactErased: 'erased',
  CompanyCreated: 'created',
  CompanyChanged: 'changed',
  CompanyAssigned: 'assigned',
  CompanyDeleted: 'deleted',
  CompanyRestored: 'restored',
  DealCreated: 'created',
  DealChanged: 'changed',
  DealAssigned: 'assigned',
  DealDeleted: 'deleted',
  DealRestored: 'restored',
  DealMoved: 'moved',
  DealWon: 'won',
  DealLost: 'lost',
  DealReopened: 'reopened',
  DealErased: 'erased',
};

/** What an event of a record does. Throws a plain Error on a type that is none of a record. */
export function kindOf(type: string): TouchKind {
  if (!Object.hasOwn(KINDS, type)) throw new Error(`${type} is no event of a record`);
  return KINDS[type as RecordEventType];
}

/** The map of fields of the company's own making: each of its keys is a field of its own. */
const CUSTOM_FIELDS = 'customFields';
const CUSTOM_PREFIX = `${CUSTOM_FIELDS}.`;

/** The names of an event's data, read without its key: its members, and those of the map of custom fields. */
export interface DataNames {
  readonly members: readonly string[];
  readonly customFields: readonly string[];
}

/** The names of data that is at hand. */
export function namesIn(data: unknown): DataNames {
  const members = data as Readonly<Record<string, unknown>>;
  const custom = members[CUSTOM_FIELDS];
  return {
    members: Object.keys(members),
    customFields: typeof custom === 'object' && custom !== null ? Object.keys(custom) : [],
  };
}

/**
 * The fields that an event touches. A creation and an erasing touch every field there is; of them only `deleted` is named, for
 * undoing a creation deletes.
 */
export function fieldsTouched(kind: TouchKind, { members, customFields }: DataNames): readonly string[] {
  switch (kind) {
    case 'created':
    case 'deleted':
    case 'restored':
    case 'erased':
      return ['deleted'];
    case 'changed':
      return [...members.filter((name) => name !== CUSTOM_FIELDS), ...customFields.map((id) => CUSTOM_PREFIX + id)];
    case 'assigned':
      return ['responsibleId'];
    case 'moved':
      return ['stageId'];
    case 'won':
    case 'lost':
    case 'reopened':
      return ['status'];
  }
}

/** True for an event that says something of every field. */
export function touchesAll(kind: TouchKind): boolean {
  return kind === 'created' || kind === 'erased';
}

/** The id of the custom field, or undefined for a field of another name. */
export function customFieldId(field: string): string | undefined {
  return field.startsWith(CUSTOM_PREFIX) ? field.slice(CUSTOM_PREFIX.length) : undefined;
}

/** The value of a deal's field `status`: what it was lost for belongs to it. */
export interface Outcome {
  readonly status: 'open' | 'won' | 'lost';
  readonly reason: unknown;
}

function outcomeAfter(kind: TouchKind, reason: unknown): Outcome {
  if (kind === 'lost') return { status: 'lost', reason };
  return { status: kind === 'won' ? 'won' : 'open', reason: null };
}

/** The value that an event which touches the field gives it. What a creation does not mention is null. */
export function valueGiven(type: string, data: unknown, field: string): unknown {
  const kind = kindOf(type);
  if (field === 'deleted') return kind === 'deleted';
  const members = data as Readonly<Record<string, unknown>>;
  if (field === 'status') return outcomeAfter(kind, members['reason']);
  const customId = customFieldId(field);
  if (customId === undefined) return members[field] ?? null;
  const custom = members[CUSTOM_FIELDS] as Readonly<Record<string, unknown>> | undefined;
  return custom?.[customId] ?? null;
}
