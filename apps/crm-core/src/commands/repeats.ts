import { timingSafeEqual } from 'node:crypto';
import { refuse } from '#kernel';
import type { CommandRecord } from '#event-store';

/** So long a repeat is answered with the first outcome; then its Idempotency-Key is free (ADR 13). */
export const COMMANDS_KEPT_DAYS = 7;

/** The same key stands for the same request. Throws `idempotency-key-reused` for another body; `bodyMac` is hexadecimal. */
export function requireSameBody(first: CommandRecord, bodyMac: string): void {
  const [known, given] = [Buffer.from(first.mac, 'hex'), Buffer.from(bodyMac, 'hex')];
  if (known.length !== given.length || !timingSafeEqual(known, given)) refuse('idempotency-key-reused');
}
