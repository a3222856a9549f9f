import { z } from 'zod';
import { DomainError, isUuid } from '#kernel';

/** A filter that does not hold what it should; the value is not repeated. */
export function invalid(path: string, message: string): DomainError {
  return new DomainError('validation-failed', { errors: [{ path, code: 'invalid-format', message }] });
}

/** The UUID of a filter, lower-cased; null when it is not given. Throws `validation-failed`. */
export function idOf(rest: ReadonlyMap<string, string>, name: string): string | null {
  const id = rest.get(name)?.toLowerCase();
  if (id !== undefined && !isUuid(id)) throw invalid(name, 'Give a UUID.');
  return id ?? null;
}

/** The time of a filter; null when it is not given. Throws `validation-failed`. */
export function timeOf(rest: ReadonlyMap<string, string>, name: string): string | null {
  const time = rest.get(name);
  if (time === undefined) return null;
  const parsed = z.iso.datetime({ offset: true }).safeParse(time);
  if (!parsed.success) throw invalid(name, 'Give a time as ISO 8601 with its zone.');
  return parsed.data;
}
