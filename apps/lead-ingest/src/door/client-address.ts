import ipaddr from 'ipaddr.js';
import { isIP } from 'node:net';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = readonly [Address, number];

/** The proxies whose `X-Forwarded-For` is believed: addresses and CIDRs. */
export class TrustedProxies {
  readonly #ranges: readonly Range[];

  /** Throws a RangeError on an entry that is no address and no CIDR; a mapped range (`::ffff:…/n`) is none. */
  constructor(entries: readonly string[]) {
    this.#ranges = entries.map(rangeOf);
  }

  holds(address: Address): boolean {
    return this.#ranges.some(
      ([network, prefix]) => network.kind() === address.kind() && address.match(network as ipaddr.IPv4, prefix),
    );
  }
}

/**
 * The client's address in canonical form: the socket's, or, when that is a trusted proxy, the rightmost of `X-Forwarded-For` that is
 * not one. Whatever cannot be read ends the walk at the last address that was vouched for.
 */
export function clientAddress(socketAddress: string, forwardedFor: string | undefined, trusted: TrustedProxies): string {
  let client = addressOf(socketAddress);
  if (client === null) return 'unknown';
  const hops = forwardedFor === undefined ? [] : forwardedFor.split(',');
  while (trusted.holds(client)) {
    const hop = addressOf((hops.pop() ?? '').trim());
    if (hop === null) break;
    client = hop;
  }
  return client.toString();
}

/** What a rate is counted by: an IPv4 address, or the /64 of an IPv6 one, which is a single site's (RFC 6177). */
export function addressGroup(address: string): string {
  const parsed = addressOf(address);
  if (parsed === null || parsed.kind() === 'ipv4') return address;
  return (parsed as ipaddr.IPv6).parts.slice(0, 4).join(':');
}

/** `ipaddr.js` reads octal and short forms; only what Node's strict reading takes gets there, and no zone. */
function addressOf(text: string): Address | null {
  return isIP(text) === 0 || text.includes('%') ? null : ipaddr.process(text);
}

function rangeOf(entry: string): Range {
  const [text = '', length, ...more] = entry.split('/');
  const address = addressOf(text);
  const bits = address?.kind() === 'ipv4' ? 32 : 128;
  const prefix = length === undefined ? bits : /^(0|[1-9]\d{0,2})$/.test(length) ? Number(length) : bits + 1;
  const isMappedRange = length !== undefined && text.includes(':') && bits === 32;
  if (address === null || more.length > 0 || prefix > bits || isMappedRange) throw new RangeError('not an address or CIDR');
  return [address, prefix];
}
