import type { OutsideHead } from '../heads-file.js';
import { HASH_BYTES, headOf, NO_HEAD, rootOf, type SignedHead } from '../seal.js';
import { outsideOf, type Seal } from '../seal-store.js';
import type { HeadVerifier } from '../signing-key.js';
import { PRINT_BYTES } from '../heads-file.js';
import type { SealedEvent } from './comparison.js';
import type { Tape } from './tape.js';

/** What the walk along the chain has seen so far. */
export interface ChainSummary {
  /** Problems of seals, heads and the file, in words without values. */
  readonly problems: string[];
  last: SignedHead | undefined;
  /** The last number of the file; 0 of an empty one. */
  lastOutside: number;
}

export interface ChainSources {
  readonly heads: AsyncIterable<OutsideHead | null>;
  readonly seals: Tape<Seal>;
  /** A row by its number, for lines that come again. */
  readonly find: (number: number) => Promise<Seal | undefined>;
  readonly verifier: HeadVerifier;
}

/**
 * Walks the heads outside and the seals in the database side by side, writes down where they are broken or differ, and gives what was
 * sealed, batch by batch. A head that is signed is believed; where only one side has one, that side is.
 */
export async function* walkChain(sources: ChainSources, summary: ChainSummary): AsyncGenerator<readonly SealedEvent[]> {
  const walk = new Walk(sources, summary);
  let lineNumber = 0;
  for await (const line of sources.heads) {
    lineNumber += 1;
    if (line === null || !walk.isSigned(line)) {
      summary.problems.push(`line ${lineNumber} of the file of heads is no head signed by the key`);
      continue;
    }
    if (line.number <= walk.number) {
      await walk.again(line);
      continue;
    }
    if (line.number > walk.number + 1) {
      summary.problems.push(`the file of heads lacks the seals ${walk.number + 1} to ${line.number - 1}`);
      for (let number = walk.number + 1; number < line.number; number += 1) yield await walk.seal(number, undefined);
    }
    yield await walk.seal(line.number, line);
    summary.lastOutside = line.number;
  }
  for (let next = await sources.seals.peek(); next !== undefined; next = await sources.seals.peek()) {
    if (next.number > walk.number + 1)
      summary.problems.push(`the database lacks the seals ${walk.number + 1} to ${next.number - 1}`);
    yield await walk.seal(Math.max(next.number, walk.number + 1), undefined);
  }
}

class Walk {
  number = 0;
  #head: Buffer = NO_HEAD;
  #total = 0;

  constructor(
    private readonly sources: ChainSources,
    private readonly summary: ChainSummary,
  ) {}

  isSigned(head: SignedHead): boolean {
    return headOf(head).equals(head.head) && this.sources.verifier.verify(head.head, head.signature);
  }

  /** A line whose number was there before: harmless when it is the same head. */
  async again(line: OutsideHead): Promise<void> {
    const row = await this.sources.find(line.number);
    if (row !== undefined && !row.head.equals(line.head)) this.summary.problems.push(`seal ${line.number} has two signed heads`);
  }

  /** One link: its row is compared with its line, both with the link before. Gives what was sealed in it. */
  async seal(number: number, line: OutsideHead | undefined): Promise<readonly SealedEvent[]> {
    const row = await this.#row(number);
    const trusted = line ?? (row !== undefined && this.isSigned(row) ? outsideOf(row) : undefined);
    if (row === undefined) this.#problem(number, 'is not in the database');
    else if (trusted === undefined)
      this.#problem(number, 'of the database is not signed by the key, and no line outside tells of it');
    else if (!isSameHead(row, trusted)) this.#problem(number, 'of the database is not the one that was signed');
    this.#follow(number, trusted ?? row);
    const root = trusted?.root;
    const isListed = row !== undefined && root !== undefined && rootOf(row.ids, row.hashes).equals(root);
    if (row !== undefined && root !== undefined && !isListed)
      this.#problem(number, 'of the database lists other events than were signed');
    if (isListed && line !== undefined && !outsideOf(row).prints.equals(line.prints))
      this.#problem(number, 'has other prints in the file of heads than were signed');
    if (isListed) return listed(number, row);
    return line === undefined ? (row === undefined ? [] : listed(number, row)) : printed(number, line.prints);
  }

  #follow(number: number, head: SignedHead | undefined): void {
    this.number = number;
    if (head === undefined) return;
    if (!head.previousHead.equals(this.#head)) this.#problem(number, 'does not follow the one before it');
    if (head.total !== this.#total + head.events) this.#problem(number, 'counts other events than the seals before it have');
    [this.#head, this.#total] = [head.head, head.total];
    this.summary.last = head;
  }

  async #row(number: number): Promise<Seal | undefined> {
    const { seals } = this.sources;
    for (let next = await seals.peek(); next !== undefined && next.number <= number; next = await seals.peek()) {
      seals.advance();
      if (next.number === number) return next;
    }
    return undefined;
  }

  #problem(number: number, what: string): void {
    this.summary.problems.push(`seal ${number} ${what}`);
  }
}

function isSameHead(row: SignedHead, trusted: SignedHead): boolean {
  return (
    headOf(row).equals(trusted.head) &&
    row.head.equals(trusted.head) &&
    row.signature.equals(trusted.signature) &&
    row.keyId === trusted.keyId
  );
}

function listed(seal: number, { ids, hashes }: Seal): readonly SealedEvent[] {
  return ids.map((id, index) => ({ seal, id, print: hashes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES) }));
}

function printed(seal: number, prints: Buffer): readonly SealedEvent[] {
  return Array.from({ length: prints.length / PRINT_BYTES }, (_, index) => {
    return { seal, id: null, print: prints.subarray(index * PRINT_BYTES, (index + 1) * PRINT_BYTES) };
  });
}
