import { parse, type Parser } from 'csv-parse';
import { DomainError, refuse } from '#kernel';
import { IMPORT_PART, type ImportLine, type RefusedLine } from '#contracts';

/** The columns of a file; `name` must be there. */
export const IMPORT_COLUMNS = ['name', 'phone', 'email', 'company', 'responsibleEmail', 'tags', 'note'] as const;
type Column = (typeof IMPORT_COLUMNS)[number];

/** Characters of one line: the longest note and all other cells fit in. */
const LONGEST_LINE = 20_000;
/** The code of a line that has not as many cells as the header, or a NUL, which no text of the database holds. */
export const MALFORMED_LINE = 'malformed-line';

export interface ImportFile {
  readonly parts: readonly (readonly ImportLine[])[];
  /** Lines that are not even read. */
  readonly refused: readonly RefusedLine[];
  readonly rows: number;
}

/**
 * Reads a CSV file (RFC 4180, UTF-8 with or without a byte order mark; a semicolon separates where the header has one, as Excel writes it).
 * Throws `malformed-body` for what is no CSV of UTF-8, `validation-failed` for a header with missing, double or unknown columns or nothing below
 * it, `body-too-large` beyond `mostLines`. Quotes nothing of it.
 */
export async function readImportFile(bytes: Buffer, mostLines: number): Promise<ImportFile> {
  const records = recordsOf(textOf(bytes));
  const first = await records.next();
  if (first.done === true) return refuse('malformed-body', 'the file is empty');
  const columns = columnsOf(first.value.record);
  const lines: ImportLine[] = [];
  const refused: RefusedLine[] = [];
  for await (const { record, info } of records) {
    if (lines.length + refused.length === mostLines) refuse('body-too-large', `a file has ${mostLines} lines at most`);
    if (isWhole(record, columns)) lines.push(lineOf(columns, record, info.records + info.empty_lines));
    else refused.push({ line: info.records + info.empty_lines, code: MALFORMED_LINE });
  }
  const rows = lines.length + refused.length;
  if (rows === 0) throw headerError('no-lines', 'There is nothing below the header.');
  return { parts: partsOf(lines), refused, rows };
}

function isWhole(record: readonly string[], columns: readonly Column[]): boolean {
  const length = record.reduce((sum, cell) => sum + cell.length, 0);
  return record.length === columns.length && length <= LONGEST_LINE && !record.some((cell) => cell.includes('\0'));
}

interface CsvRecord {
  readonly record: readonly string[];
  /** How many were read, this one and the header among them, and how many lines with nothing in them. */
  readonly info: { readonly records: number; readonly empty_lines: number };
}

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refuse('malformed-body', 'the file is not UTF-8');
  }
}

async function* recordsOf(text: string): AsyncGenerator<CsvRecord> {
  const header = text.slice(0, text.search(/[\r\n]|$/));
  const delimiter = header.includes(';') ? ';' : ',';
  const options = {
    bom: true,
    delimiter,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: 1_000_000,
  };
  const parser: Parser = parse(text, options);
  try {
    for await (const record of parser) yield record as CsvRecord;
  } catch {
    // The parser's own error quotes its input.
    refuse('malformed-body', 'the file is not CSV');
  }
}

function columnsOf(header: readonly string[]): readonly Column[] {
  const names = header.map((cell) => cell.trim());
  const known = names.filter((name): name is Column => IMPORT_COLUMNS.some((column) => column === name));
  if (known.length < names.length) throw headerError('unknown-column', `Columns are ${IMPORT_COLUMNS.join(', ')}.`);
  if (new Set(known).size < known.length) throw headerError('double-column', 'Each column stands once.');
  if (!known.includes('name')) throw headerError('missing-column', 'There must be a column name.');
  return known;
}

function headerError(code: string, message: string): DomainError {
  return new DomainError('validation-failed', { errors: [{ path: 'header', code, message }] });
}

function lineOf(columns: readonly Column[], record: readonly string[], line: number): ImportLine {
  const cells = columns.flatMap((column, index) => {
    const cell = record[index] ?? '';
    return cell.trim() === '' ? [] : [[column, cell] as const];
  });
  return { line, ...Object.fromEntries(cells) };
}

/** As many lines as one message to core may hold. */
function partsOf(lines: readonly ImportLine[]): readonly (readonly ImportLine[])[] {
  const parts: ImportLine[][] = [];
  let bytes = 0;
  for (const line of lines) {
    const size = Buffer.byteLength(JSON.stringify(line));
    const last = parts.at(-1);
    if (last !== undefined && last.length < IMPORT_PART.lines && bytes + size <= IMPORT_PART.bytes) {
      last.push(line);
      bytes += size;
    } else {
      parts.push([line]);
      bytes = size;
    }
  }
  return parts;
}
