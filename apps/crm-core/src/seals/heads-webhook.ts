import { lookup, type LookupAddress } from 'node:dns';
import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Logger } from '#platform';

const TIMEOUT_MS = 3_000;
/** Heads kept for a receiver that is away; the oldest go first. The file has them all. */
const KEPT = 100;

/**
 * Posts heads to a place outside, in order. What is not taken is kept and tried with the next head. It holds nobody up and throws
 * nothing. Redirects are not followed; loopback and private addresses are refused unless allowed, also behind a name.
 */
export class HeadsWebhook {
  readonly #pending: string[] = [];
  #sending: Promise<void> | undefined;

  constructor(
    private readonly url: string,
    private readonly allowPrivate: boolean,
    private readonly logger: Logger,
  ) {}

  offer(line: string): void {
    this.#pending.push(line);
    if (this.#pending.length > KEPT) this.#pending.shift();
    this.#sending ??= this.#send().finally(() => (this.#sending = undefined));
  }

  /** Resolves when nothing is on its way. */
  async idle(): Promise<void> {
    await this.#sending;
  }

  async #send(): Promise<void> {
    try {
      for (let line = this.#pending[0]; line !== undefined; line = this.#pending[0]) {
        await post(this.url, line, this.allowPrivate);
        if (this.#pending[0] === line) this.#pending.shift();
      }
    } catch (error) {
      this.logger.warn('a head was not taken outside', { waiting: this.#pending.length, error });
    }
  }
}

/** Posts JSON. Rejects on anything but a 2xx within 3 s, and on a target that is not public unless `allowPrivate`. */
export function post(url: string, body: string, allowPrivate: boolean): Promise<void> {
  const target = new URL(url);
  const host = target.hostname.replace(/^\[|\]$/g, '');
  if (!allowPrivate && isIP(host) !== 0 && !isPublic(host)) return Promise.reject(new Error('the target is not public'));
  const request = target.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const sent = request(
      target,
      {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
        signal: AbortSignal.timeout(TIMEOUT_MS),
        agent: false,
        ...(allowPrivate ? {} : { lookup: publicOnly }),
      },
      (response) => {
        response.resume();
        const status = response.statusCode ?? 0;
        if (status >= 200 && status < 300) resolve();
        else reject(new Error(`the target answered ${status}`));
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Resolves a name for the very connection that is made: a name cannot be public when looked at and private when used. */
const publicOnly: NonNullable<RequestOptions['lookup']> = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    const [first] = addresses ?? [];
    if (error !== null || first === undefined) return callback(error ?? new Error('no address'), '', 4);
    if (!addresses.every(({ address }) => isPublic(address))) return callback(new Error('the target is not public'), '', 4);
    if (options.all === true) return callback(null, addresses);
    callback(null, first.address, first.family);
  });
};

/** Not loopback, private, link-local, multicast or reserved (IANA special-purpose registries, as ipaddr.js has them). */
function isPublic(address: string): boolean {
  return ipaddr.process(address).range() === 'unicast';
}
