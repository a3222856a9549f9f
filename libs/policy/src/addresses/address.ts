/** An IP address as a number. A mapped IPv6 address (`::ffff:a.b.c.d`, RFC 4291 section 2.5.5.2) is its IPv4 address. */
export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}

const GROUP = /^[0-9a-fA-F]{1,4}$/;
const OCTET = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);
const LONGEST_TEXT = 45;
const MAPPED_HIGH = 0xffffn;

/**
 * Reads an address strictly, for node's and ipaddr.js's readers disagree with each other: IPv4 is four decimal octets without
 * leading zeros, IPv6 any spelling of RFC 4291 section 2.2. Zone ids, short and octal forms give null.
 */
export function parseAddress(text: string): Address | null {
  if (text.length > LONGEST_TEXT) return null;
  if (!text.includes(':')) {
    const value = parseIpv4(text);
    return value === null ? null : { family: 4, value };
  }
  const value = parseIpv6(text);
  if (value === null) return null;
  return value >> 32n === MAPPED_HIGH ? { family: 4, value: value & 0xffffffffn } : { family: 6, value };
}

/** IPv4 as four octets, IPv6 as RFC 5952 section 4 writes it. */
export function formatAddress({ family, value }: Address): string {
  return family === 4 ? formatIpv4(value) : formatIpv6(value);
}

/** The canonical spelling of an address; null when it cannot be read. */
export function canonicalAddress(text: string): string | null {
  // The strict spelling of IPv4 is the canonical one, and no request needs its number for that.
  if (IPV4.test(text)) return text;
  const address = parseAddress(text);
  return address === null ? null : formatAddress(address);
}

function parseIpv4(text: string): bigint | null {
  if (!IPV4.test(text)) return null;
  return text.split('.').reduce((value, octet) => (value << 8n) | BigInt(octet), 0n);
}

/** The value of any IPv6 spelling, mapped ones not yet turned into IPv4. */
export function parseIpv6(text: string): bigint | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const head = groupsOf(halves[0] as string, halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1] as string, true) : [];
  if (head === null || tail === null) return null;
  const written = head.length + tail.length;
  // "::" stands for one group of zeros at least.
  if (halves.length === 2 ? written > 7 : written !== 8) return null;
  const groups = [...head, ...Array.from({ length: 8 - written }, () => 0n), ...tail];
  return groups.reduce((value, group) => (value << 16n) | group, 0n);
}

/** The 16-bit groups of one side of "::"; only the last group of the whole address may be written as IPv4. */
function groupsOf(text: string, isEnd: boolean): bigint[] | null {
  if (text === '') return [];
  const words = text.split(':');
  const groups: bigint[] = [];
  for (const [index, word] of words.entries()) {
    if (GROUP.test(word)) {
      groups.push(BigInt(`0x${word}`));
      continue;
    }
    const embedded = isEnd && index === words.length - 1 ? parseIpv4(word) : null;
    if (embedded === null) return null;
    groups.push(embedded >> 16n, embedded & 0xffffn);
  }
  return groups;
}

function formatIpv4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
}

function formatIpv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) => (value >> BigInt(112 - 16 * index)) & 0xffffn);
  const run = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (run.length < 2) return hex.join(':');
  return `${hex.slice(0, run.start).join(':')}::${hex.slice(run.start + run.length).join(':')}`;
}

/** The first of the longest runs of zero groups (RFC 5952 section 4.2.3). */
function longestZeroRun(groups: readonly bigint[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== 0n) start = index + 1;
    else if (index - start + 1 > best.length) best = { start, length: index - start + 1 };
  }
  return best;
}
