import { AddressList, canonicalAddress, parseAddress, parseRange } from '#policy';

/** The proxies whose `X-Forwarded-For` is believed: addresses and CIDRs, read as strictly as those of the allow-list. */
export class TrustedProxies {
  readonly #list: AddressList;

  /** Throws a RangeError on an entry that is no address and no CIDR. */
  constructor(entries: readonly string[]) {
    if (entries.some((entry) => parseRange(entry) === null)) throw new RangeError('not an address or CIDR');
    this.#list = new AddressList(entries);
  }

  holds(address: string): boolean {
    return this.#list.holds(address);
  }
}

/**
 * The client's address in canonical form: the socket's, or, when that is a trusted proxy, the rightmost of `X-Forwarded-For` that is
 * not one. Whatever cannot be read ends the walk at the last address that was vouched for: no lead is lost over it.
 */
export function clientAddress(socketAddress: string, forwardedFor: string | undefined, trusted: TrustedProxies): string {
  let client = canonicalAddress(socketAddress);
  if (client === null) return 'unknown';
  const hops = forwardedFor === undefined ? [] : forwardedFor.split(',');
  while (trusted.holds(client)) {
    const hop = canonicalAddress((hops.pop() ?? '').trim());
    if (hop === null) break;
    client = hop;
  }
  return client;
}

/** What a rate is counted by: an IPv4 address, or the /64 of an IPv6 one, which is a single site's (RFC 6177). */
export function addressGroup(address: string): string {
  if (!address.includes(':')) return address;
  const parsed = parseAddress(address);
  if (parsed === null) return address;
  return `${(parsed.value >> 64n).toString(16)}::/64`;
}
