import { z } from 'zod';
import { searchWords } from '#contracts';
import { DomainError, isInstant, isUuid } from '#kernel';
import { findsNumber, maskText } from '#privacy';
import { decodeCursor, parsePage } from '../http/index.js';
import type { RecordKind } from './record-kind.js';

export type SortField = 'createdAt' | 'updatedAt' | 'name' | 'title' | 'amount';
export interface Sort {
  readonly field: SortField;
  readonly descending: boolean;
}

/** Where the next page begins: the sort value (null only for an amount that is not there) and the id of the last row. */
export interface Position {
  readonly value: string | null;
  readonly id: string;
}

/** A list as it is asked for; nothing in it has been decided yet. */
export interface ListRequest {
  readonly limit: number;
  readonly sort: Sort;
  readonly after: Position | null;
  /** Words of `q`, as `searchWords` makes them; null without `q`; an empty list matches nothing. */
  readonly words: readonly string[] | null;
  readonly ids: Readonly<Partial<Record<'responsibleId' | 'departmentId' | 'companyId' | 'contactId' | 'stageId', string>>>;
  readonly createdFrom: string | null;
  readonly createdTo: string | null;
  readonly deleted: boolean;
  readonly count: boolean;
  /** `attribution[key]=value`; a filter only for those who may see attribution. */
  readonly attribution: Readonly<Record<string, string>>;
}

const ID_FILTERS: Readonly<Record<RecordKind['type'], readonly (keyof ListRequest['ids'])[]>> = {
  contact: ['responsibleId', 'departmentId', 'companyId'],
  company: ['responsibleId', 'departmentId'],
  deal: ['responsibleId', 'departmentId', 'companyId', 'contactId', 'stageId'],
};
const SORTS: Readonly<Record<RecordKind['type'], readonly SortField[]>> = {
  contact: ['createdAt', 'updatedAt', 'name'],
  company: ['createdAt', 'updatedAt', 'name'],
  deal: ['createdAt', 'updatedAt', 'title', 'amount'],
};
const LONGEST_Q = 200;
/** A long name has some 30 words. */
const MOST_WORDS = 32;
const ATTRIBUTION = /^attribution\[([A-Za-z0-9_.-]{1,64})\]$/;
const MOST_ATTRIBUTION_FILTERS = 10;

/**
 * Reads the query of a list; `region` is where numbers in `q` are recognised. Throws `unknown-filter`, `unknown-sort`, `invalid-cursor`, or `validation-failed` naming the
 * parameter; a cursor is good for the sort that made it.
 */
export function parseListRequest(kind: RecordKind, query: unknown, region: string): ListRequest {
  const { limit, cursor, rest } = parsePage(query);
  const known = new Map(rest);
  const take = (name: string): string | undefined => {
    const value = known.get(name);
    known.delete(name);
    return value;
  };
  const sort = parseSort(kind, take('sort'));
  const ids: Record<string, string> = {};
  for (const name of ID_FILTERS[kind.type]) {
    const value = take(name);
    if (value !== undefined) ids[name] = parseId(name, value);
  }
  const request = {
    limit,
    sort,
    words: parseWords(take('q'), region),
    ids,
    createdFrom: parseTime('createdFrom', take('createdFrom')),
    createdTo: parseTime('createdTo', take('createdTo')),
    deleted: parseFlag('deleted', take('deleted')),
    count: parseFlag('count', take('count')),
    attribution: kind.type === 'deal' ? takeAttribution(known) : {},
  };
  if (known.size > 0) throw new DomainError('unknown-filter');
  return { ...withoutNumbers(request, region), after: cursor === null ? null : parseCursor(sort, cursor) };
}

/** The cursor's content for a row: bound to its sort. `position` has the sort value as the database writes it, to the microsecond. */
export function cursorKeys(sort: Sort, { value, id }: Position): unknown {
  const isTime = sort.field === 'createdAt' || sort.field === 'updatedAt';
  return [sortText(sort), isTime && value !== null ? isoInstant(value) : value, id];
}

/** `2026-01-31 09:00:00.12+00` as ISO 8601 has it, to the microsecond, so that all are of one length; an offset may lack its minutes. */
function isoInstant(text: string): string {
  const [, day, time, fraction = '', offset] = /^(\S+) (\d\d:\d\d:\d\d)(?:\.(\d+))?([+-]\S+)$/.exec(text) ?? [];
  if (offset === undefined) throw new RangeError('not an instant');
  return `${day}T${time}.${fraction.padEnd(6, '0')}${offset.length === 3 ? `${offset}:00` : offset}`;
}

function sortText({ field, descending }: Sort): string {
  return `${descending ? '-' : ''}${field}`;
}

function parseSort(kind: RecordKind, text = '-createdAt'): Sort {
  const descending = text.startsWith('-');
  const field = SORTS[kind.type].find((known) => known === (descending ? text.slice(1) : text));
  if (field === undefined) throw new DomainError('unknown-sort');
  return { field, descending };
}

function parseCursor(sort: Sort, cursor: string): Position {
  const [text, value, id] = decodeCursor(cursor, z.tuple([z.string(), z.string().max(400).nullable(), z.uuid()]));
  if (text !== sortText(sort) || !fits(sort.field, value)) throw new DomainError('invalid-cursor');
  return { value, id };
}

function fits(field: SortField, value: string | null): boolean {
  if (field === 'amount') return value === null || /^-?\d{1,18}(\.\d{1,2})?$/.test(value);
  if (value === null || value.includes('\0')) return false;
  return field === 'name' || field === 'title' || isInstant(value);
}

function invalid(path: string, message: string): DomainError {
  return new DomainError('validation-failed', { errors: [{ path, code: 'invalid-format', message }] });
}

function parseId(name: string, value: string): string {
  const id = value.toLowerCase();
  if (!isUuid(id)) throw invalid(name, 'Give a UUID.');
  return id;
}

function parseTime(name: string, value: string | undefined): string | null {
  if (value === undefined) return null;
  if (!isInstant(value)) throw invalid(name, 'Give a time as ISO 8601 with its zone.');
  return value;
}

function parseFlag(name: string, value: string | undefined): boolean {
  if (value === undefined || value === 'false') return false;
  if (value === 'true') return true;
  throw invalid(name, 'Give true or false.');
}

/** Words as the read model holds them: letters, marks and digits alone, so no operator gets through. */
function parseWords(q: string | undefined, region: string): readonly string[] | null {
  if (q === undefined) return null;
  if (q.length > LONGEST_Q) throw invalid('q', `Give at most ${LONGEST_Q} characters.`);
  // A number or an address of a person is no input to a list, and no parameter of a statement; names hold its mask, if at all.
  if (findsNumber(q, region)) return [];
  const words = searchWords(q);
  if (words.length > MOST_WORDS) throw invalid('q', `Give at most ${MOST_WORDS} words.`);
  return words;
}

/**
 * What holds for `q` holds for attribution: a filter with a number in it finds nothing, and the number goes no further. Nor does a NUL, which
 * no text of the database has.
 */
function withoutNumbers<Request extends Pick<ListRequest, 'attribution' | 'words'>>(request: Request, region: string): Request {
  const given = Object.entries(request.attribution);
  if (!given.some((filter) => filter.some((text) => text.includes('\0') || findsNumber(text, region)))) return request;
  const kept = (text: string): string => maskText(text.replaceAll('\0', '\ufffd'), region);
  const attribution = Object.fromEntries(given.map(([key, value]) => [kept(key), kept(value)]));
  return { ...request, attribution, words: [] };
}

function takeAttribution(known: Map<string, string>): Readonly<Record<string, string>> {
  const filters = new Map<string, string>();
  for (const [name, value] of known) {
    const key = ATTRIBUTION.exec(name)?.[1];
    if (key === undefined) continue;
    known.delete(name);
    filters.set(key, value);
  }
  if (filters.size > MOST_ATTRIBUTION_FILTERS) throw new DomainError('unknown-filter');
  return Object.fromEntries(filters);
}
