import { createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Secret } from '#kernel';
import { isPrivateByName, NotPublic, publicOnly } from './post-target.js';

/** Why a POST was not taken. */
export type PostFault = 'not-public' | 'timeout' | 'unreachable' | 'answered';

/** A POST that was not taken. It names neither the target nor what was sent, and holds no error that does. */
export class PostFailed extends Error {
  override readonly name = 'PostFailed';

  constructor(
    readonly fault: PostFault,
    /** The status of the answer, of the fault `answered`. */
    readonly status: number | null = null,
  ) {
    super(MESSAGES[fault](status));
  }
}

const MESSAGES: Readonly<Record<PostFault, (status: number | null) => string>> = {
  'not-public': () => 'the target is not public',
  timeout: () => 'the target did not answer in time',
  unreachable: () => 'the target was not reached',
  answered: (status) => `the target answered ${String(status)}`,
};

export interface PostOptions {
  /** Loopback and private addresses are targets too. */
  readonly allowPrivate: boolean;
  /** From the looking up of the name to the status of the answer, milliseconds. */
  readonly timeoutMs: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * The header `Palisade-Signature` of a body: the time in whole seconds since 1970, and the HMAC-SHA256 of
 * "<time>.<body>" under the secret, in hexadecimal.
 */
export function signatureOf(secret: Secret<string>, body: string, at: Date): string {
  const seconds = Math.floor(at.getTime() / 1_000);
  const mac = createHmac('sha256', secret.expose()).update(`${seconds}.${body}`).digest('hex');
  return `t=${seconds},v1=${mac}`;
}

/**
 * Posts JSON and resolves with the status, a 2xx. Rejects with PostFailed on anything else. No redirect is followed, no connection
 * kept, no body of an answer read. The address is looked up and judged for the very connection that is made.
 */
export function post(url: string, body: string, { allowPrivate, timeoutMs, headers = {} }: PostOptions): Promise<number> {
  const target = new URL(url);
  if (!allowPrivate && isPrivateByName(target)) return Promise.reject(new PostFailed('not-public'));
  const request = target.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const sent = request(
      target,
      {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers },
        signal: AbortSignal.timeout(timeoutMs),
        agent: false,
        ...(allowPrivate ? {} : { lookup: publicOnly }),
      },
      (response) => {
        // Read away, and cut off by the same signal: an answer without end holds nothing.
        response.on('error', () => undefined).resume();
        const status = response.statusCode ?? 0;
        if (status >= 200 && status < 300) resolve(status);
        else reject(new PostFailed('answered', status));
      },
    );
    sent.on('error', (error) => reject(new PostFailed(faultOf(error))));
    sent.end(body);
  });
}

function faultOf(error: Error): PostFault {
  if (error instanceof NotPublic) return 'not-public';
  return error.name === 'TimeoutError' || error.name === 'AbortError' ? 'timeout' : 'unreachable';
}
