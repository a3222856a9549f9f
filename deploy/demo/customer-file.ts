import { parse } from 'csv-parse/sync';
import { isPhoneRegion, parsePhone } from '#privacy';

/** One customer of a file. `line` counts from 1, the header included. */
export interface Customer {
  readonly line: number;
  readonly name: string;
  readonly company: string | null;
  readonly phones: readonly { readonly label: string; readonly number: string }[];
  readonly email: string | null;
  /** ISO 3166-1 alpha-2, when the country is given by a name that is known. */
  readonly country: string | null;
}

/** Something of the file that was not taken over: where, and why; never what stood there. */
export interface RefusedPart {
  readonly line: number;
  readonly part: string;
  readonly code: string;
}

export interface CustomerFile {
  readonly customers: readonly Customer[];
  readonly refused: readonly RefusedPart[];
}

/** The file is no CSV, or has no column of names. */
export class UnreadableFile extends Error {
  override readonly name = 'UnreadableFile';
}

/** Columns by what they hold; a file has one of each group at most, and other columns are left alone. */
const COLUMNS = {
  firstName: ['first_name', 'firstname', 'given_name'],
  lastName: ['last_name', 'lastname', 'family_name'],
  name: ['contact', 'name', 'full_name', 'contact_name'],
  company: ['company', 'company_name', 'organisation', 'organization'],
  phone: ['phone', 'telephone', 'mobile'],
  fax: ['fax'],
  email: ['email', 'e-mail'],
  country: ['country'],
} as const;
type Column = keyof typeof COLUMNS;
type Row = Readonly<Partial<Record<Column, string>>>;

/** Reads the customers of a CSV text; the columns are recognised by the header. Throws `UnreadableFile`. */
export function readCustomers(text: string): CustomerFile {
  const [header, ...records] = parseCsv(text);
  if (header === undefined) throw new UnreadableFile('the file is empty');
  const columns = recogniseColumns(header.fields);
  const refused: RefusedPart[] = [];
  const customers: Customer[] = [];
  for (const { line, fields } of records) {
    const row = Object.fromEntries([...columns].map(([column, index]) => [column, (fields[index] ?? '').trim()])) as Row;
    const customer = customerOf(line, row);
    if (fields.length !== header.fields.length) refused.push({ line, part: 'line', code: 'wrong-column-count' });
    else if (customer === undefined) refused.push({ line, part: 'line', code: 'name-missing' });
    else customers.push(customer);
  }
  return { customers, refused };
}

/** How a number of the file is to be sent. */
export type NumberReading =
  /** As it stands there: the company's own reading of it is the right one, or there is none other. */
  | { readonly kind: 'as-written'; readonly number: string }
  /** It means one number in the customer's country and another here, and the customer's country is right. */
  | { readonly kind: 'of-its-country'; readonly number: string };

/**
 * A number is sent as written, except where it is a valid number of the company's region by chance: `(415) 555-0134` is one in the USA and one
 * in Russia. Then the customer's country decides.
 */
export function readingOf(number: string, country: string | null, companyRegion: string): NumberReading {
  const here = parsePhone(number, companyRegion);
  const there = internationalForm(number, country);
  if (here.ok && there !== undefined && here.e164 !== there) return { kind: 'of-its-country', number: there };
  return { kind: 'as-written', number };
}

/** The number in E.164 as the customer's country reads it; undefined when it is not one there, or the country is not known. */
export function internationalForm(number: string, country: string | null): string | undefined {
  const parsed = country === null ? undefined : parsePhone(number, country);
  return parsed?.ok === true ? parsed.e164 : undefined;
}

/** The code of a country's English name. */
export function countryCode(name: string): string | null {
  return CODES_BY_NAME.get(name.trim().toLowerCase()) ?? null;
}

function parseCsv(text: string): { line: number; fields: string[] }[] {
  try {
    const records = parse(text, { bom: true, info: true, relaxColumnCount: true, skipEmptyLines: true }) as unknown as {
      info: { lines: number };
      record: string[];
    }[];
    return records.map(({ info, record }) => ({ line: info.lines, fields: record }));
  } catch (error) {
    // The library's messages quote the line; its code does not.
    const { code, lines } = error as { code?: string; lines?: number };
    throw new UnreadableFile(`the file is no CSV: ${code ?? 'unknown error'}${lines === undefined ? '' : ` at line ${lines}`}`);
  }
}

function recogniseColumns(header: readonly string[]): ReadonlyMap<Column, number> {
  const names = header.map((name) => name.trim().toLowerCase());
  const found = new Map<Column, number>();
  for (const [column, spellings] of Object.entries(COLUMNS) as [Column, readonly string[]][]) {
    const index = names.findIndex((name) => spellings.includes(name));
    if (index >= 0) found.set(column, index);
  }
  if (!found.has('name') && !found.has('lastName') && !found.has('company')) {
    throw new UnreadableFile(
      'no column of names was recognised; its header may be name, contact, first_name and last_name, or company',
    );
  }
  return found;
}

function customerOf(line: number, row: Row): Customer | undefined {
  const person = row.name || [row.firstName, row.lastName].filter(Boolean).join(' ');
  const company = row.company || null;
  const name = person || company;
  if (name === null) return undefined;
  const phones = (['phone', 'fax'] as const).flatMap((label) => (row[label] ? [{ label, number: row[label] }] : []));
  return { line, name, company, phones, email: row.email || null, country: countryCode(row.country ?? '') };
}

/** English names of the regions whose numbers are known, and three that files like to use instead (CLDR has others). */
const CODES_BY_NAME: ReadonlyMap<string, string> = new Map([
  ...regionNames(),
  ['usa', 'US'],
  ['uk', 'GB'],
  ['czech republic', 'CZ'],
]);

function regionNames(): [string, string][] {
  const names = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' });
  const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
  const codes = letters.flatMap((first) => letters.map((second) => first + second)).filter(isPhoneRegion);
  return codes.flatMap((code) => {
    const name = names.of(code);
    return name === undefined ? [] : [[name.toLowerCase(), code] as [string, string]];
  });
}
