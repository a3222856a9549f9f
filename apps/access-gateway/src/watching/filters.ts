import { DomainError, isInstant, isUuid } from '#kernel';

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
  if (!isInstant(time)) throw invalid(name, 'Give a time as ISO 8601 with its zone.');
  return time;
}

/** `from` and `to` of a filter. Throws `validation-failed` also when the period ends before it begins. */
export function periodOf(rest: ReadonlyMap<string, string>): { readonly from: string | null; readonly to: string | null } {
  const [from, to] = [timeOf(rest, 'from'), timeOf(rest, 'to')];
  if (from !== null && to !== null && Date.parse(to) < Date.parse(from)) throw invalid('to', 'Give a time after from.');
  return { from, to };
}
