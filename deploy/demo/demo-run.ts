import { randomInt } from 'node:crypto';
import { ApiClient, expectStatus, type Answer, type Json, type Traffic } from './api-client.js';
import type { Findings } from './findings.js';
import type { DemoOptions } from './options.js';
import type { NumberScan } from '../scan/number-scan.js';
import type { RunningSystem } from './running-system.js';
import type { Terminal } from './terminal.js';

/** What every step of a run is given. */
export interface DemoRun {
  /** Letters of this run: it stands in names and keys, so that runs do not meet. */
  readonly id: string;
  readonly options: DemoOptions;
  readonly system: RunningSystem;
  readonly terminal: Terminal;
  readonly findings: Findings;
  readonly planted: NumberScan;
  readonly traffic: Traffic;
  /** The administrator, signed in. */
  readonly admin: ApiClient;
  /** What those who may not see numbers were answered. */
  readonly watched: AnswersWatched;
}

/** A person of the demonstration's company, signed in. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly password: string;
  readonly departmentId: string;
  readonly api: ApiClient;
}

/** Looks for numbers and addresses in the answers to people who may not see them. */
export class AnswersWatched {
  /** Answers looked at, and places in them that held a number or an address of this run. */
  answers = 0;
  found = 0;

  constructor(private readonly planted: NumberScan) {}

  readonly look = (text: string): void => {
    this.answers += 1;
    this.found += this.planted.scan('an answer', text).length;
  };
}

/** Six consonants: unlike digits they are never taken for a number, and unlike vowels they make no words. */
export function newRunId(): string {
  const letters = 'bcdfghjklmnpqrstvwxz';
  return Array.from({ length: 6 }, () => letters[randomInt(letters.length)]).join('');
}

/** The Idempotency-Key of one act of this run. */
export function keyOf(run: { readonly id: string }, act: string): string {
  return `demo-${run.id}-${act}`;
}

/** Makes something and gives its body. Throws `UnexpectedAnswer` unless it is 201. */
export async function make<Body extends Json = Json & { id: string }>(
  api: ApiClient,
  path: string,
  body: unknown,
  key: string,
): Promise<Body> {
  return expectStatus(await api.post<Body>(path, body, key), 201, `POST ${path}`).body;
}

/** A page of a list. */
export interface Page<Item> extends Json {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
}

/** Reads a list to its end. Throws `UnexpectedAnswer`. */
export async function readAll<Item>(api: ApiClient, path: string): Promise<Item[]> {
  const items: Item[] = [];
  const join = path.includes('?') ? '&' : '?';
  for (let cursor: string | null = null; ;) {
    const from: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const answer: Answer<Page<Item>> = await api.get<Page<Item>>(`${path}${join}limit=200${from}`);
    const page = expectStatus(answer, 200, `GET ${path.split('?')[0] ?? ''}`).body;
    items.push(...page.items);
    cursor = page.nextCursor;
    if (cursor === null) return items;
  }
}
