import { PassThrough } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isUuid, refuse } from '#kernel';

/** The event behind which a live stream is to be resumed; null for none. Throws `malformed-request` when it is no id. */
export function lastEventId({ headers }: FastifyRequest): string | null {
  const id = headers['last-event-id'];
  if (id === undefined) return null;
  return typeof id === 'string' && isUuid(id) ? id : refuse('malformed-request');
}

/** What a live stream is written to. Made before anything is waited for: it ends with the client's connection, whenever that goes. */
export function streamOutput(reply: FastifyReply): PassThrough {
  const out = new PassThrough();
  reply.raw.on('close', () => out.destroy());
  return out;
}

/** Sends a live stream. */
export async function sendStream(reply: FastifyReply, out: PassThrough): Promise<void> {
  reply.header('content-type', 'text/event-stream; charset=utf-8').header('x-accel-buffering', 'no');
  await reply.send(out);
}
