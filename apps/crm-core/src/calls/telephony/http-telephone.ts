import type { Secret } from '#kernel';
import { splitStored } from '#privacy';
import { post, PostRefused, signatureOf, type Logger } from '#platform';
import type { HandOver, OutgoingCall, Telephone } from './telephone.js';

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
      await post(url, body, { allowPrivate, headers: signatureOf(secret, body, now()) });
      return 'taken';
    } catch (error) {
      logger.warn('a call was not taken', { callId, error });
      return error instanceof PostRefused && isFinal(error.status) ? 'refused' : 'no-answer';
    }
  }
}

/** Null: a target that may not be asked, and will not be on a second try. */
function isFinal(status: number | null): boolean {
  return status === null || (status < 500 && status !== 408 && status !== 429);
}
