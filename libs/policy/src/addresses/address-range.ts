import { formatAddress, parseAddress, parseIpv6, type Address } from './address.js';

/** A range of addresses: those whose first `prefix` bits are those of `network`. */
export interface AddressRange {
  readonly family: 4 | 6;
  readonly network: bigint;
  readonly prefix: number;
  /** True for an entry that was written as one address, without a length. */
  readonly single: boolean;
}

const LENGTH = /^(?:0|[1-9][0-9]{0,2})$/;
const MAPPED_SPACE = 0xffffn << 32n;

/**
 * Reads an entry of a list strictly: an address, or a CIDR without host bits. A mapped range of /96 or longer is its IPv4
 * range; one that holds the mapped space and more would mean two families at once and gives null, as does everything
 * unreadable.
 */
export function parseRange(text: string): AddressRange | null {
  const [address, length, ...more] = text.split('/');
  if (address === undefined || more.length > 0) return null;
  if (length === undefined) {
    const parsed = parseAddress(address);
    return parsed === null ? null : { family: parsed.family, network: parsed.value, prefix: bitsOf(parsed.family), single: true };
  }
  if (!LENGTH.test(length)) return null;
  return address.includes(':') ? parseIpv6Range(address, Number(length)) : parseIpv4Range(address, Number(length));
}

/** The entry as it is kept: canonical address, and the length where one was written. */
export function formatRange({ family, network, prefix, single }: AddressRange): string {
  const address = formatAddress({ family, value: network });
  return single ? address : `${address}/${prefix}`;
}

/** True when the address lies in the range; one of the other family never does. */
export function rangeHolds(range: AddressRange, address: Address): boolean {
  if (range.family !== address.family) return false;
  const shift = BigInt(bitsOf(range.family) - range.prefix);
  return address.value >> shift === range.network >> shift;
}

function parseIpv4Range(text: string, prefix: number): AddressRange | null {
  const address = parseAddress(text);
  return address === null ? null : withoutHostBits({ family: 4, network: address.value, prefix, single: false });
}

function parseIpv6Range(text: string, prefix: number): AddressRange | null {
  const network = parseIpv6(text);
  if (network === null || prefix > 128) return null;
  if (prefix >= 96 && network >> 32n === 0xffffn) {
    return withoutHostBits({ family: 4, network: network & 0xffffffffn, prefix: prefix - 96, single: false });
  }
  const range = withoutHostBits({ family: 6, network, prefix, single: false });
  return range !== null && prefix < 96 && rangeHolds(range, { family: 6, value: MAPPED_SPACE }) ? null : range;
}

function withoutHostBits(range: AddressRange): AddressRange | null {
  const bits = bitsOf(range.family);
  if (range.prefix > bits) return null;
  const hostMask = (1n << BigInt(bits - range.prefix)) - 1n;
  return (range.network & hostMask) === 0n ? range : null;
}

function bitsOf(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}
