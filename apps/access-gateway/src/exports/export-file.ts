import { Readable } from 'node:stream';
import type { ReadableStream as WebStream } from 'node:stream/web';
import { writeXlsxStream } from 'hucre/xlsx';

/** Header and rows of a file, part after part. */
export interface FileContent {
  readonly header: readonly string[];
  readonly parts: AsyncIterable<readonly (readonly string[])[]>;
}

export const MEDIA_TYPES = {
  csv: 'text/csv; charset=utf-8',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
} as const;

/** What a spreadsheet takes for a formula at the beginning of a cell (OWASP "CSV Injection"), full-width forms with it. */
const FORMULA = /^[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/;
/** Not allowed in XML 1.0: control characters but tab and ends of lines, and halves of pairs. */

const NO_XML =
  /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;

/** A cell that no spreadsheet computes: what looks like a formula gets an apostrophe before it. */
export function formulaSafe(text: string): string {
  return FORMULA.test(text) ? `'${text}` : text;
}

/** One line of RFC 4180. Every cell is quoted: whatever separator a reader takes, a cell cannot begin another one. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map((cell) => `"${formulaSafe(cell).replaceAll('"', '""')}"`).join(',')}\r\n`;
}

async function* csvText({ header, parts }: FileContent): AsyncGenerator<string> {
  // The mark by which spreadsheets know UTF-8.
  yield `\uFEFF${csvLine(header)}`;
  for await (const rows of parts) if (rows.length > 0) yield rows.map(csvLine).join('');
}

/** Cells of XLSX are typed: as text they are computed by nobody, and stand as they are. */
async function* xlsxRows({ header, parts }: FileContent): AsyncGenerator<string[]> {
  const row = (cells: readonly string[]): string[] => cells.map((cell) => cell.replace(NO_XML, '\uFFFD'));
  yield row(header);
  for await (const rows of parts) for (const cells of rows) yield row(cells);
}

/** The bytes of a file as they are asked for: one part is in memory at a time. */
export function fileStream(format: keyof typeof MEDIA_TYPES, sheet: string, content: FileContent): Readable {
  if (format === 'csv') return Readable.from(csvText(content), { objectMode: false });
  return Readable.fromWeb(writeXlsxStream(xlsxRows(content), { name: sheet }) as WebStream<Uint8Array>);
}
