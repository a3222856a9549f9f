import { DateTime } from 'luxon';

/** Titles of records are at most so long, characters. */
const LONGEST_TITLE = 200;

export interface TitleParts {
  readonly template: string;
  /** The form's own name. */
  readonly form: string;
  /** When the lead arrived, ISO 8601. */
  readonly receivedAt: string;
  /** IANA zone of the company. */
  readonly timeZone: string;
  readonly number: number;
}

/** The title of a lead's deal: the form's words with {form}, {date} (yyyy-MM-dd in the company's zone) and {number} put in. */
export function leadTitle({ template, form, receivedAt, timeZone, number }: TitleParts): string {
  const date = DateTime.fromISO(receivedAt, { zone: timeZone }).toISODate() ?? '';
  const values: Readonly<Record<string, string>> = { form, date, number: String(number) };
  const title = template.replace(/\{(form|date|number)\}/g, (_, name: string) => values[name] ?? '');
  return [...title].slice(0, LONGEST_TITLE).join('');
}

/** Who is next: the first id after the last one in turn, round the circle. Null when there is nobody. */
export function nextInTurn(memberIds: readonly string[], lastId: string | null): string | null {
  const sorted = [...memberIds].sort();
  return sorted.find((id) => lastId !== null && id > lastId) ?? sorted[0] ?? null;
}
