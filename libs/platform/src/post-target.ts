import { lookup, type LookupAddress } from 'node:dns';
import { lookup as lookupNow } from 'node:dns/promises';
import type { RequestOptions } from 'node:http';
import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import ipaddr from 'ipaddr.js';

/** Why a URL is no target: it cannot be read, or it is not of the public internet. */
export type TargetFault = 'malformed' | 'not-public';

const LONGEST_URL = 2_000;
/** A name whose look-up takes longer is judged when it is connected to. */
const LOOK_UP_MS = 2_000;
/** All that is given out as global unicast (RFC 4291 section 2.4, IANA "IPv6 Global Unicast Address Assignments"). */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * What is wrong with a URL as a target of ours; null when nothing is. `http` and `https` without a login or fragment; unless
 * `allowPrivate`, no loopback, private or otherwise special address, in any spelling, nor a name that has one. A name that cannot be
 * looked up now is no fault: `post` judges it again for each connection. Does not throw.
 */
export async function targetFault(url: string, allowPrivate: boolean): Promise<TargetFault | null> {
  if (url.length > LONGEST_URL || !URL.canParse(url)) return 'malformed';
  const { protocol, username, password, hash, hostname } = new URL(url);
  if (!['http:', 'https:'].includes(protocol) || username + password + hash !== '') return 'malformed';
  if (allowPrivate) return null;
  if (isPrivateByName(new URL(url))) return 'not-public';
  const addresses = isIP(bare(hostname)) === 0 ? await addressesOf(hostname) : [];
  return addresses.every(isPublic) ? null : 'not-public';
}

/**
 * True when the host tells by itself that it is not public: an address, or a name of this machine (RFC 6761 section 6.3). Node's URL
 * has brought decimal, octal and hexadecimal spellings of IPv4 to the usual one.
 */
export function isPrivateByName({ hostname }: URL): boolean {
  if (/(^|\.)localhost\.?$/.test(hostname)) return true;
  return isIP(bare(hostname)) !== 0 && !isPublic(bare(hostname));
}

/** Not loopback, private, link-local, multicast or reserved (IANA special-purpose registries, as ipaddr.js has them), nor one of these within IPv6. */
export function isPublic(address: string): boolean {
  const parsed = ipaddr.process(address);
  if (parsed.range() !== 'unicast') return false;
  return parsed instanceof ipaddr.IPv4 || parsed.match(GLOBAL_UNICAST);
}

/** The error of a connection to what is not public. */
export class NotPublic extends Error {
  override readonly name = 'NotPublic';

  constructor() {
    super('the target is not public');
  }
}

/** Resolves a name for the very connection that is made: a name cannot be public when looked at and private when used. */
export const publicOnly: NonNullable<RequestOptions['lookup']> = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    const [first] = addresses ?? [];
    if (error !== null || first === undefined) return callback(error ?? new Error('no address'), '', 4);
    if (!addresses.every(({ address }) => isPublic(address))) return callback(new NotPublic(), '', 4);
    if (options.all === true) return callback(null, addresses);
    callback(null, first.address, first.family);
  });
};

function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

async function addressesOf(hostname: string): Promise<readonly string[]> {
  const waiting = new AbortController();
  const found = lookupNow(hostname, { all: true }).then((all) => all.map(({ address }) => address));
  const late = sleep(LOOK_UP_MS, [], { signal: waiting.signal });
  const addresses = await Promise.race([found, late]).catch(() => []);
  waiting.abort();
  return addresses;
}
