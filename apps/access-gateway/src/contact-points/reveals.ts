import { DomainError } from '#kernel';
import { revealedPointContext, type ClearPoint, type CommandName, type RevealedPointQuery } from '#contracts';
import { openEnvelope, type ReceiverKeys } from '#privacy';
import type { CoreClient, CoreRequest } from '../core/core-client.js';
import type { WatchRelay } from '../relay/watch-relay.js';
import type { Who } from '../requests/request-context.js';

/** Numbers and addresses in full, for those with the right and a reason. */
export class Reveals {
  constructor(
    private readonly core: CoreClient,
    private readonly relay: WatchRelay,
    private readonly receiver: ReceiverKeys,
  ) {}

  /**
   * Core writes the reveal down first, and only then is asked for the value, sealed to this instance: a repeat finds the first reveal
   * and is decided anew. Throws as the command does, and `dependency-unavailable` when core does not answer: then it is counted, and
   * the same Idempotency-Key brings the value without a second count.
   */
  async reveal(name: CommandName, who: Who, asked: CoreRequest): Promise<ClearPoint> {
    const { id: revealId } = await hurrying(this.relay, this.core.command(name, who, asked));
    const { requestId, caller } = who;
    const query: RevealedPointQuery = { requestId, caller, revealId, replyJwk: { ...this.receiver.publicJwk } };
    const { sealed } = await this.core.query<{ ok: true; sealed: string }>('RevealedPoint', query);
    const plain = await openEnvelope(this.receiver.privateKey, sealed, revealedPointContext(requestId));
    return JSON.parse(Buffer.from(plain).toString('utf8')) as ClearPoint;
  }
}

/** A refusal of core's gate may cut somebody off: it goes to the monitor at once. */
export async function hurrying<T>(relay: Pick<WatchRelay, 'wake'>, command: Promise<T>): Promise<T> {
  try {
    return await command;
  } catch (error) {
    if (error instanceof DomainError && error.code === 'view-limit-reached') relay.wake();
    throw error;
  }
}
