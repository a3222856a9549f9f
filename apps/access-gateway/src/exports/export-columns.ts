import type { JsonValue } from '#privacy';
import type { RecordKind } from '../records/record-kind.js';
import { shownRow, type RecordRow } from '../records/shown-records.js';

/** A row as it is sealed: as lists show it, with note and fields of the company's own making. Masked, whoever exports it. */
export interface ExportedRow {
  readonly id: string;
  readonly [field: string]: JsonValue | undefined;
}

/** Whatever the exporter may see, his file has masks (ADR 20). */
export function exportedRow(row: RecordRow): ExportedRow {
  return { ...shownRow(row), note: row.note ?? null, customFields: row.custom_fields ?? {} } as unknown as ExportedRow;
}

const NAMED = ['id', 'name', 'phones', 'emails'] as const;
const COMMON = ['responsibleId', 'tags', 'note', 'createdAt', 'updatedAt', 'version'] as const;
const COLUMNS: Readonly<Record<RecordKind['type'], readonly string[]>> = {
  contact: [...NAMED, 'companyId', 'leadId', ...COMMON],
  company: [...NAMED, ...COMMON],
  deal: ['id', 'title', 'amount', 'currency', 'companyId', 'stageId', 'status', 'leadId', ...COMMON],
};

/** A field of the company's own making: its column is named as the field is. */
export interface CustomColumn {
  readonly id: string;
  readonly name: string;
}

/** The names of the columns, in the order of `cellsOf`. */
export function headerOf(kind: RecordKind, custom: readonly CustomColumn[]): readonly string[] {
  return [...COLUMNS[kind.type], ...custom.map(({ name }) => name)];
}

/** The cells of a row as text; empty where there is no value. */
export function cellsOf(kind: RecordKind, custom: readonly CustomColumn[], row: ExportedRow): readonly string[] {
  const fields = (row['customFields'] ?? {}) as Readonly<Record<string, JsonValue>>;
  return [...COLUMNS[kind.type].map((column) => cellOf(row, column)), ...custom.map(({ id }) => textOf(fields[id]))];
}

function cellOf(row: ExportedRow, column: string): string {
  const { amount } = row as { readonly amount?: { readonly value: string; readonly currency: string } | null };
  if (column === 'amount') return amount?.value ?? '';
  if (column === 'currency') return amount?.currency ?? '';
  return textOf(row[column]);
}

/** Several values of one cell stand one after another; of a number or an address there is the mask. */
function textOf(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map(textOf).join('; ');
  if (typeof value === 'object') return textOf((value as { readonly masked?: JsonValue }).masked);
  return String(value);
}
