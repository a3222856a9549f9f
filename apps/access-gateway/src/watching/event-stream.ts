/** One message of a live stream. */
export interface StreamMessage {
  readonly id: string;
  readonly event: string;
  readonly data: unknown;
}

/**
 * A message in the format of Server-Sent Events (WHATWG HTML, section 9.2.6). JSON has no line break outside its strings and
 * escapes those inside, so data is one line; id and event are ids and codes and may hold none.
 */
export function frame({ id, event, data }: StreamMessage): string {
  if (/[\r\n\0]/.test(id + event)) throw new Error('an id or event of a stream holds a line break');
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** A comment: ignored by readers, it keeps the connection from looking dead. */
export const HEARTBEAT_FRAME = ': still here\n\n';

/** What the reader missed is not known any more: he must read anew what he shows. It has no id, so that the last one stays his. */
const RESYNC = 'resync';
export function resyncFrame(): string {
  return `event: ${RESYNC}\ndata: ${JSON.stringify({ type: RESYNC })}\n\n`;
}
