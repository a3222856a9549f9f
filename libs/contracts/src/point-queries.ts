import { z } from 'zod';
import { callerSchema } from './commands.js';

/** A record that has contact points. */
export type PointOwner = 'contact' | 'company';

/**
 * `crm.query.RevealedPoint`: what a reveal shows, for the person who revealed, decided again by the rights of now. `sealed` is a JWE to
 * `replyJwk` of one `ClearPoint`, bound to `revealedPointContext(requestId)`. Refused `not-found` when the reveal is another person's.
 */
export const revealedPointQuerySchema = z.strictObject({
  requestId: z.uuid(),
  caller: callerSchema,
  revealId: z.uuid(),
  replyJwk: z.record(z.string(), z.unknown()),
});
export type RevealedPointQuery = z.infer<typeof revealedPointQuerySchema>;
/** What the answer's envelope is bound to. */
export const revealedPointContext = (requestId: string): string => `RevealedPoint|${requestId}`;

/** `crm.query.LookupMatches`: the records that a lookup of the caller's own found, by ids. */
export const lookupMatchesQuerySchema = z.strictObject({ caller: callerSchema, lookupId: z.uuid() });
export type LookupMatchesQuery = z.infer<typeof lookupMatchesQuerySchema>;
export interface LookupMatches {
  readonly ok: true;
  readonly matches: readonly { readonly type: PointOwner; readonly id: string }[];
}
