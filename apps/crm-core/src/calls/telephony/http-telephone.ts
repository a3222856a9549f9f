import type { Secret } from '#kernel';
import { splitStored } from '#privacy';
import { post, PostFailed, signatureOf, type Logger } from '#platform';
import type { HandOver, OutgoingCall, Telephone } from './telephone.js';

const TIMEOUT_MS = 3_000;

export interface HttpTelephoneOptions {
  readonly url: string;
  /** Signs what is posted, as webhooks are signed. */
  readonly secret: Secret<string>;
  readonly allowPrivate: boolean;
  readonly logger: Logger;
  readonly now: () => Date;
}

/**
 * Posts `{callId, number, extension?, userId, placedAt}` to a telephone service, signed by `Palisade-Signature`. A 2xx is a call taken;
 * any other answer but those that ask to come again (408, 429, 5xx) is a refusal.
 */
export class HttpTelephone implements Telephone {
  constructor(private readonly options: HttpTelephoneOptions) {}

  async handOver({ callId, number, userId, placedAt }: OutgoingCall): Promise<HandOver> {
    const { url, secret, allowPrivate, logger, now } = this.options;
    const { e164, extension } = splitStored(number.expose());
    const body = JSON.stringify({ callId, number: e164, ...(extension === undefined ? {} : { extension }), userId, placedAt });
    try {
      const headers = { 'palisade-signature': signatureOf(secret, body, now()) };
      await post(url, body, { allowPrivate, timeoutMs: TIMEOUT_MS, headers });
      return 'taken';
    } catch (error) {
      logger.warn('a call was not taken', { callId, error });
      return error instanceof PostFailed && isFinal(error) ? 'refused' : 'no-answer';
    }
  }
}

/** A target that may not be asked now may not be asked on a second try either. */
function isFinal({ fault, status }: PostFailed): boolean {
  if (fault === 'answered') return status !== null && status < 500 && status !== 408 && status !== 429;
  return fault === 'not-public';
}
