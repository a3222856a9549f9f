import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { codeOf, describeAnswer, UnexpectedAnswer, type Json } from './api-client.js';
import type { ClientBase, MadeRecord } from './client-base.js';
import type { Company } from './company.js';
import {
  internationalForm,
  readCustomers,
  readingOf,
  UnreadableFile,
  type Customer,
  type CustomerFile,
  type RefusedPart,
} from './customer-file.js';
import { keyOf, type DemoRun, type Person } from './demo-run.js';
import { inParallel } from './in-parallel.js';

const IN_FLIGHT = 8;

/** A part of a customer on its way: what is sent now, and what else it could be. */
interface Part {
  readonly field: 'phones' | 'emails';
  readonly label: string;
  readonly written: string;
  readonly sent: string;
  readonly converted: boolean;
}

interface Imported {
  readonly record: MadeRecord | null;
  readonly parts: readonly Part[];
  readonly refused: readonly RefusedPart[];
}

/** Makes the customers of a file contacts of the managers. What is refused is told by line and code. */
export async function importCustomers(run: DemoRun, company: Company, base: ClientBase, file: CustomerFile): Promise<void> {
  const { customers, refused } = file;
  const progress = run.terminal.progress('customers', customers.length);
  const results = await inParallel(customers, IN_FLIGHT, async (customer, index) => {
    const owner = company.managers[index % company.managers.length] as Person;
    const result = await importOne(run, customer, owner, company.region);
    progress.advance();
    return result;
  });
  progress.end();
  const all = [...refused, ...results.flatMap((result) => result.refused)].sort((a, b) => a.line - b.line);
  for (const { line, part, code } of all) run.terminal.line(`    line ${line}: ${part} ${code}`);
  const made = results.flatMap(({ record }) => (record === null ? [] : [record]));
  base.contacts.push(...made);
  report(run, customers.length + refused.length, made.length, results, all);
}

function report(run: DemoRun, lines: number, made: number, results: readonly Imported[], refused: readonly RefusedPart[]): void {
  const phones = results.flatMap(({ parts }) => parts.filter(({ field }) => field === 'phones'));
  const converted = phones.filter((part) => part.converted).length;
  const lost = refused.filter(({ part }) => part === 'line').length;
  const left = refused.filter(({ part }) => part !== 'line').length;
  run.terminal.note(
    `${phones.length} numbers taken: ${phones.length - converted} as written, ${converted} by the country of their line; ${left} numbers and addresses refused`,
  );
  run.findings.expect(
    'every line of the file is a contact or reported',
    made + lost === lines,
    `${lines} lines, ${made} contacts, ${lost} refused`,
  );
}

/** Sends a customer, without what is refused, until he is taken. Each try has other content, so each has its own key. */
async function importOne(run: DemoRun, customer: Customer, owner: Person, region: string): Promise<Imported> {
  const { line } = customer;
  const refused: RefusedPart[] = [];
  let parts = partsOf(customer, region);
  for (const { field, written } of parts) plant(run, field, written);
  for (let attempt = 0; ; attempt += 1) {
    for (const { field, sent } of parts) plant(run, field, sent);
    const answer = await owner.api.post<{ id: string }>(
      '/v1/contacts',
      bodyOf(customer, parts),
      keyOf(run, `customer-${line}-${attempt}`),
    );
    if (answer.status === 201) return { record: { id: answer.body.id, ownerId: owner.id }, parts, refused };
    if (answer.status !== 422) throw new UnexpectedAnswer(`line ${line}: POST /v1/contacts: ${describeAnswer(answer)}`);
    const part = refusedPart(answer.body, parts);
    if (part === undefined)
      return { record: null, parts: [], refused: [...refused, { line, part: 'line', code: codeOf(answer) }] };
    const again = inItsCountry(part, customer.country);
    if (again === undefined) refused.push({ line, part: part.label, code: codeOf(answer) });
    parts = parts.flatMap((one) => (one !== part ? [one] : again === undefined ? [] : [again]));
  }
}

function partsOf({ phones, email, country }: Customer, region: string): Part[] {
  const numbers = phones.map(({ label, number }): Part => {
    const reading = readingOf(number, country, region);
    return { field: 'phones', label, written: number, sent: reading.number, converted: reading.kind === 'of-its-country' };
  });
  if (email === null) return numbers;
  return [...numbers, { field: 'emails', label: 'email', written: email, sent: email, converted: false }];
}

function inItsCountry(part: Part, country: string | null): Part | undefined {
  if (part.field !== 'phones' || part.converted) return undefined;
  const international = internationalForm(part.written, country);
  return international === undefined ? undefined : { ...part, sent: international, converted: true };
}

function bodyOf({ name, company }: Customer, parts: readonly Part[]): Json {
  const of = (field: Part['field']): readonly Part[] => parts.filter((part) => part.field === field);
  return {
    name,
    phones: of('phones').map(({ label, sent }) => ({ label, number: sent })),
    emails: of('emails').map(({ sent }) => ({ address: sent })),
    ...(company === null ? {} : { note: company }),
  };
}

/** The part that an error names as `phones.0.number`. */
function refusedPart(body: Json, parts: readonly Part[]): Part | undefined {
  const { errors } = body as { errors?: { path?: string }[] };
  const named = /^(phones|emails)\.(\d+)\./.exec(errors?.[0]?.path ?? '');
  if (named === null) return undefined;
  return parts.filter(({ field }) => field === named[1])[Number(named[2])];
}

function plant({ planted }: DemoRun, field: Part['field'], value: string): void {
  if (field === 'phones') planted.plantNumber(value);
  else planted.plantEmail(value);
}

/** Reads a file of customers. Throws `UnreadableFile`. */
export function readCustomerFile(path: string): CustomerFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UnreadableFile(
      `--customers: ${basename(path)} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`,
    );
  }
  return readCustomers(text);
}
