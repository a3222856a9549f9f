import type { PassThrough } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isUuid, refuse } from '#kernel';

/** The event behind which a live stream is to be resumed; null for none. Throws `malformed-request` when it is no id. */
export function lastEventId({ headers }: FastifyRequest): string | null {
  const id = headers['last-event-id'];
  if (id === undefined) return null;
  return typeof id === 'string' && isUuid(id) ? id : refuse('malformed-request');
}

/** Sends a live stream; it ends with the client's connection. */
export async function sendStream(request: FastifyRequest, reply: FastifyReply, out: PassThrough): Promise<void> {
  request.raw.on('close', () => out.destroy());
  reply.header('content-type', 'text/event-stream; charset=utf-8').header('x-accel-buffering', 'no');
  await reply.send(out);
}
