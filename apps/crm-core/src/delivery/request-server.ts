import { ServerNats, type NatsOptions } from '@nestjs/microservices';

/**
 * Nest's transport with the short way to a handler. The subject of the subscription is the pattern; Nest's own server reads it as JSON first,
 * and each subject that is none costs an exception with its stack.
 */
export class RequestServer extends ServerNats {
  constructor(options: NonNullable<NatsOptions['options']>) {
    super(options);
  }

  override getHandlerByPattern(pattern: string): ReturnType<ServerNats['getHandlerByPattern']> {
    return this.messageHandlers.get(pattern) ?? null;
  }
}
