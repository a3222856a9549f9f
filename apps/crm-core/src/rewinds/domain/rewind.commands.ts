import { z } from 'zod';
import { DomainError } from '#kernel';

/** Written as every event's time is, so that texts compare as times do. */
const time = z.iso.datetime({ offset: true }).transform((text) => new Date(text).toISOString());

/** `POST /v1/users/:id/rewind`. Both ends belong to the window. */
export const rewindUserBody = z.strictObject({ since: time, until: time.optional(), dryRun: z.boolean().default(false) });

/**
 * The window that is undone. What is not over yet ends now: a rewind undoes what happened before it was asked for. Throws
 * `validation-failed` when it begins after its end.
 */
export function windowOf(
  { since, until }: { readonly since: string; readonly until?: string | undefined },
  now: string,
): { readonly since: string; readonly until: string } {
  const end = until === undefined || until > now ? now : until;
  if (since <= end) return { since, until: end };
  const message = 'Begin before the end, and not in the future';
  throw new DomainError('validation-failed', { errors: [{ path: 'since', code: 'after-until', message }] });
}
