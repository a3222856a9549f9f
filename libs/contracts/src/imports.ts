import { z } from 'zod';
import type { AcceptedReply } from './commands.js';

/** Lines of one part of an import at most, and bytes of a part before it is sealed: with its envelope it must pass the broker. */
export const IMPORT_PART = { lines: 50, bytes: 200_000 } as const;

/** One line of the file, cells as they came; an empty cell is left out. `line`: its number in the file, the header being 1. */
export const importLineSchema = z.strictObject({
  line: z.int().min(2),
  name: z.string().optional(),
  phone: z.string().optional(),
  email: z.string().optional(),
  company: z.string().optional(),
  responsibleEmail: z.string().optional(),
  tags: z.string().optional(),
  note: z.string().optional(),
});
export type ImportLine = z.infer<typeof importLineSchema>;

/** The body of `ImportContacts`. In a dry run every line is judged and none is taken. */
export const importPartSchema = z.strictObject({
  dryRun: z.boolean(),
  lines: z.array(importLineSchema).min(1).max(IMPORT_PART.lines),
});
export type ImportPart = z.infer<typeof importPartSchema>;

/** A line that was not taken, and why: a code of the catalogue, never a value. */
export interface RefusedLine {
  readonly line: number;
  readonly code: string;
}

/** What `ImportContacts` answers; `id` is the import's. Lines that are not named were taken. */
export interface ImportReply extends AcceptedReply {
  readonly refused: readonly RefusedLine[];
}
