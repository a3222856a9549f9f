import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { AcceptedReply } from '#contracts';
import { etagOf } from './if-match.js';

/** What a change answers: never the thing itself, for reading may be an opening. */
export const changedSchema = z.object({ id: z.uuid(), version: z.int().min(0) });
export type Changed = z.infer<typeof changedSchema>;

/** `{id, version}` with the version as ETag. */
export function changed(reply: FastifyReply, { id, version }: AcceptedReply): Changed {
  reply.header('etag', etagOf(version));
  return { id, version };
}

/** A thing with its version as ETag. */
export function tagged<T extends { readonly version: number }>(reply: FastifyReply, thing: T): T {
  reply.header('etag', etagOf(thing.version));
  return thing;
}
