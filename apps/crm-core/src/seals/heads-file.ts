import { createReadStream } from 'node:fs';
import { mkdir, open, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { HASH_BYTES, type SignedHead } from './seal.js';

/** Bytes of an event's hash that stand outside the database: enough to tell which event differs; the root is what proves. */
export const PRINT_BYTES = 8;
/** A line is at most one batch of prints and some fixed fields; a longer one was not written here. */
const LONGEST_LINE = 64 * 1024;

const hashText = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .transform((text) => Buffer.from(text, 'hex'));
const bytesText = z.base64().transform((text) => Buffer.from(text, 'base64'));
const lineSchema = z.strictObject({
  number: z.int().positive(),
  previousHead: hashText,
  root: hashText,
  events: z.int().positive(),
  total: z.int().positive(),
  sealedAt: z.iso.datetime(),
  head: hashText,
  keyId: z.string(),
  signature: bytesText,
  prints: bytesText,
});

/** A head as it stands outside the database, with the beginnings of its events' hashes. */
export interface OutsideHead extends SignedHead {
  readonly prints: Buffer;
}

/** One line of the file and one body of the webhook: JSON, hashes in hexadecimal, signature and prints in base64. */
export function lineOf({ signature, prints, previousHead, root, head, ...rest }: OutsideHead): string {
  return JSON.stringify({
    number: rest.number,
    previousHead: previousHead.toString('hex'),
    root: root.toString('hex'),
    events: rest.events,
    total: rest.total,
    sealedAt: rest.sealedAt,
    head: head.toString('hex'),
    keyId: rest.keyId,
    signature: signature.toString('base64'),
    prints: prints.toString('base64'),
  });
}

/** The head of a line; null for one that was not written here. */
export function parseLine(text: string): OutsideHead | null {
  if (text.length > LONGEST_LINE) return null;
  try {
    const parsed = lineSchema.safeParse(JSON.parse(text));
    return parsed.success && parsed.data.prints.length === parsed.data.events * PRINT_BYTES ? parsed.data : null;
  } catch {
    return null;
  }
}

/** The beginnings of the hashes of a batch. */
export function printsOf(hashes: Buffer): Buffer {
  const count = hashes.length / HASH_BYTES;
  return Buffer.concat(
    Array.from({ length: count }, (_, index) => hashes.subarray(index * HASH_BYTES, index * HASH_BYTES + PRINT_BYTES)),
  );
}

/** The file of signed heads outside the database. Lines are appended and never changed. */
export class HeadsFile {
  constructor(readonly path: string) {}

  /** The last whole line, or null of an empty or absent file. Throws when it is no head. Changes nothing. */
  async last(): Promise<OutsideHead | null> {
    try {
      return (await this.#end('r')).last;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  /** Makes the file ready for lines: it and its folder exist, and what a crash left of a line is cut off. Throws as `last`. */
  async prepare(): Promise<OutsideHead | null> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    const { last, whole, size } = await this.#end('a+');
    if (whole < size) await truncate(this.path, whole);
    return last;
  }

  async #end(flag: 'r' | 'a+'): Promise<{ last: OutsideHead | null; whole: number; size: number }> {
    const file = await open(this.path, flag, 0o600);
    try {
      const { size } = await file.stat();
      const start = Math.max(0, size - 2 * LONGEST_LINE);
      const end = Buffer.alloc(size - start);
      await file.read(end, 0, end.length, start);
      const whole = end.lastIndexOf('\n') + 1;
      if (whole === 0 && start === 0) return { last: null, whole, size };
      const text = end.subarray(0, Math.max(0, whole - 1));
      const last = parseLine(text.toString('utf8', text.lastIndexOf('\n') + 1));
      if (last === null) throw new Error('the last line of the file of heads is no head');
      return { last, whole: start + whole, size };
    } finally {
      await file.close();
    }
  }

  /** Resolves once the lines are on disk. Throws when they are not, and may have left a part of them: `prepare` cuts it off. */
  async append(heads: readonly OutsideHead[]): Promise<void> {
    const file = await open(this.path, 'a', 0o600);
    try {
      // Not `write`, which is content with a part where the disk is nearly full.
      await file.appendFile(heads.map((head) => `${lineOf(head)}\n`).join(''));
      await file.sync();
    } finally {
      await file.close();
    }
  }
}

/** Every whole line of a file of heads, in order: the head, or null for a line that is none. An absent file has no lines. */
export async function* readHeads(path: string): AsyncGenerator<OutsideHead | null> {
  const input = createReadStream(path, 'utf8');
  try {
    let held: string | undefined;
    for await (const line of createInterface({ input, crlfDelay: Infinity })) {
      if (held !== undefined) yield parseLine(held);
      held = line;
    }
    // The last line may be on its way just now; whole, it is a head.
    const last = held === undefined ? null : parseLine(held);
    if (last !== null) yield last;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
