/** COPY's text format (PostgreSQL manual, "COPY", File Formats): what a column left out holds is its default. */
export const COPY_OPTIONS = `FORMAT text, DEFAULT '\\D'`;
const DEFAULT = '\\D';
const NULL = '\\N';
const SPECIAL = /[\\\n\r\t]/;
const EACH_SPECIAL = new RegExp(SPECIAL, 'g');
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The columns of a line in their order, and what each holds when the row does not say: its default, or nothing. */
export interface LineShape {
  readonly columns: readonly string[];
  readonly withDefault: ReadonlySet<string>;
}

/** One row as a line. Throws a TypeError on a value that is no column's. */
export function copyLine({ columns, withDefault }: LineShape, row: Readonly<Record<string, unknown>>): string {
  let line = '';
  let between = '';
  for (const name of columns) {
    const value = row[name];
    line += between + (value === undefined ? (withDefault.has(name) ? DEFAULT : NULL) : copyValue(value));
    between = '\t';
  }
  return `${line}\n`;
}

const UNESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** The values of a line that COPY wrote, in their order; null is NULL. */
export function copyFields(line: string): readonly (string | null)[] {
  const fields: (string | null)[] = line.split('\t');
  if (!line.includes('\\')) return fields;
  return fields.map((field) =>
    field === NULL || field === null ? null : field.replaceAll(/\\(.)/g, (_, char: string) => UNESCAPES[char] ?? char),
  );
}

function copyValue(value: unknown): string {
  if (value === null) return NULL;
  if (typeof value === 'string') return escaped(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return escaped(arrayLiteral(value));
  throw new TypeError('a row holds text, numbers, booleans and lists of text');
}

const escaped = (text: string): string =>
  SPECIAL.test(text) ? text.replace(EACH_SPECIAL, (char) => ESCAPES[char] ?? char) : text;

/** A list as PostgreSQL reads it: every member in quotes. */
function arrayLiteral(values: readonly unknown[]): string {
  const members = values.map((value) => {
    if (typeof value !== 'string') throw new TypeError('a list of a row holds text');
    return `"${value.replaceAll(/["\\]/g, (char) => `\\${char}`)}"`;
  });
  return `{${members.join(',')}}`;
}
