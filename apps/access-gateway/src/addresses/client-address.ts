import { canonicalAddress } from '#policy';
import type { AddressList } from '#policy';

/**
 * The address a request comes from: the socket's, unless that is a trusted proxy. Then X-Forwarded-For is walked from the right
 * (what a proxy of ours added) to the first hop that is none of ours; what stands further left was written by strangers. Null,
 * which is refused, when a hop on the way cannot be read.
 */
export function clientAddress(
  socketAddress: string | undefined,
  forwardedFor: string | readonly string[] | undefined,
  trustedProxies: AddressList,
): string | null {
  let client = canonicalAddress(socketAddress ?? '');
  if (client === null || !trustedProxies.holds(client)) return client;
  const header = typeof forwardedFor === 'string' ? forwardedFor : (forwardedFor ?? []).join(',');
  if (withoutBlanks(header) === '') return client;
  for (const hop of header.split(',').reverse()) {
    client = canonicalAddress(withoutBlanks(hop));
    if (client === null || !trustedProxies.holds(client)) return client;
  }
  return client;
}

/** Without the blanks that may stand around an element of a list (RFC 9110 section 5.6.3); `trim` takes away other signs as well. */
function withoutBlanks(text: string): string {
  const isBlank = (sign: string | undefined): boolean => sign === ' ' || sign === '\t';
  let [start, end] = [0, text.length];
  while (start < end && isBlank(text[start])) start += 1;
  while (end > start && isBlank(text[end - 1])) end -= 1;
  return text.slice(start, end);
}
