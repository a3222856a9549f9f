import { maskPhone } from '#privacy';
import type { Logger } from '#platform';
import type { HandOver, OutgoingCall, Telephone } from './telephone.js';

/** For development: there is no telephone system, and the log tells what would have been called, masked. */
export class LogTelephone implements Telephone {
  constructor(private readonly logger: Logger) {}

  handOver({ callId, number, userId }: OutgoingCall): Promise<HandOver> {
    this.logger.info('a call was placed', { callId, userId, to: maskPhone(number.expose()) });
    return Promise.resolve('taken');
  }
}
