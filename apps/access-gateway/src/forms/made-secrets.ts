import { Injectable } from '@nestjs/common';
import { formSecretContext, type FormSecretQuery, type FormSecretReply } from '#contracts';
import { newReceiverKeys, openEnvelope, type ReceiverKeys } from '#privacy';
import { CoreClient } from '../core/core-client.js';
import type { Who } from '../requests/request-context.js';

/** Secrets that core made for forms: asked for once, right after, and sealed for this gateway on their way. */
@Injectable()
export class MadeSecrets {
  #receiver: Promise<ReceiverKeys> | undefined;

  constructor(private readonly core: CoreClient) {}

  /** The secret that a command of this person made. Throws what core refuses with: `not-found` when it made none, or long ago. */
  async of(formId: string, commandId: string, { requestId, caller }: Who): Promise<string> {
    this.#receiver ??= newReceiverKeys();
    const { publicJwk, privateKey } = await this.#receiver;
    const query: FormSecretQuery = { requestId, caller, formId, commandId, replyJwk: { ...publicJwk } };
    const { sealed } = await this.core.query<Extract<FormSecretReply, { ok: true }>>('FormSecret', query);
    return Buffer.from(await openEnvelope(privateKey, sealed, formSecretContext(requestId))).toString('utf8');
  }
}
