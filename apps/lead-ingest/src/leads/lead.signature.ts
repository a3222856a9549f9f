import { createHmac, timingSafeEqual } from 'node:crypto';

/** How far the time of a signature may lie from ours, either way (docs/intake.md, "Signatures"). */
const TOLERANCE_SECONDS = 300;
const LONGEST_HEADER = 1_000;

/** A signature that holds: its own bytes tell one signed submission from another. */
export interface HeldSignature {
  readonly seconds: number;
  readonly hex: string;
}

/**
 * `Palisade-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`, as our own webhooks carry it. Null unless a `v1` is right and
 * the time within five minutes of `nowMs`. Several `v1` (while a secret is changed) are looked at, four at most.
 */
export function heldSignature(header: string | undefined, secret: string, body: Uint8Array, nowMs: number): HeldSignature | null {
  if (header === undefined || header.length > LONGEST_HEADER) return null;
  const parts = header.split(',').map((part) => part.trim());
  const time = parts.find((part) => part.startsWith('t='))?.slice(2) ?? '';
  if (!/^\d{1,12}$/.test(time)) return null;
  const seconds = Number(time);
  if (Math.abs(nowMs / 1_000 - seconds) > TOLERANCE_SECONDS) return null;
  const due = createHmac('sha256', secret).update(`${time}.`).update(body).digest();
  const given = parts.filter((part) => /^v1=[0-9a-f]{64}$/i.test(part)).slice(0, 4);
  const held = given.find((part) => timingSafeEqual(Buffer.from(part.slice(3), 'hex'), due));
  return held === undefined ? null : { seconds, hex: due.toString('hex') };
}
