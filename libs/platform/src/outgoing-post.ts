import { createHmac } from 'node:crypto';
import { lookup, type LookupAddress } from 'node:dns';
import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Secret } from '#kernel';

const TIMEOUT_MS = 3_000;

/** A target did not take a POST. `status` is what it answered; null when it gave no answer, or is none that may be asked. */
export class PostRefused extends Error {
  override readonly name = 'PostRefused';

  constructor(
    message: string,
    readonly status: number | null,
  ) {
    super(message);
  }
}

export interface PostOptions {
  /** Lets the target be on loopback or in a private network. */
  readonly allowPrivate: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends the request early. */
  readonly signal?: AbortSignal;
}

/**
 * Posts JSON to a place outside. Rejects with `PostRefused` on an answer other than 2xx, and with it or the connection's error when
 * there is none within 3 s. Redirects are not followed. A target that is not public is refused unless allowed, also behind a name.
 * Neither the body nor the URL stands in an error.
 */
export function post(url: string, body: string, { allowPrivate, headers = {}, signal }: PostOptions): Promise<void> {
  const target = new URL(url);
  const host = target.hostname.replace(/^\[|\]$/g, '');
  if (!allowPrivate && isIP(host) !== 0 && !isPublic(host)) return Promise.reject(notPublic());
  const request = target.protocol === 'https:' ? httpsRequest : httpRequest;
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  return new Promise((resolve, reject) => {
    const sent = request(
      target,
      {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers },
        signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
        agent: false,
        ...(allowPrivate ? {} : { lookup: publicOnly }),
      },
      (response) => {
        response.resume();
        const status = response.statusCode ?? 0;
        if (status >= 200 && status < 300) resolve();
        else reject(new PostRefused(`the target answered ${status}`, status));
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

/**
 * The header by which a receiver knows that we sent the body, and when: `t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`
 * (http-api.md "Watching").
 */
export function signatureOf(secret: Secret<string>, body: string, at: Date): { readonly 'palisade-signature': string } {
  const seconds = Math.floor(at.getTime() / 1_000);
  const mac = createHmac('sha256', secret.expose()).update(`${seconds}.${body}`).digest('hex');
  return { 'palisade-signature': `t=${seconds},v1=${mac}` };
}

const notPublic = (): PostRefused => new PostRefused('the target is not public', null);

/** Resolves a name for the very connection that is made: a name cannot be public when looked at and private when used. */
const publicOnly: NonNullable<RequestOptions['lookup']> = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    const [first] = addresses ?? [];
    if (error !== null || first === undefined) return callback(error ?? new Error('no address'), '', 4);
    if (!addresses.every(({ address }) => isPublic(address))) return callback(notPublic(), '', 4);
    if (options.all === true) return callback(null, addresses);
    callback(null, first.address, first.family);
  });
};

/** Not loopback, private, link-local, multicast or reserved (IANA special-purpose registries, as ipaddr.js has them). */
function isPublic(address: string): boolean {
  return ipaddr.process(address).range() === 'unicast';
}
