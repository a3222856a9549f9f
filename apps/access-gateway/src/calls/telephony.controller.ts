import { Controller, HttpCode, Post } from '@nestjs/common';
import { z } from 'zod';
import { refuse } from '#kernel';
import { CoreClient } from '../core/core-client.js';
import { hurrying } from '../contact-points/reveals.js';
import { AsCommand, type CommandRequest } from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { WatchRelay } from '../relay/watch-relay.js';
import { CurrentWho, RequiresScope, type Who } from '../requests/request-context.js';

const bodySchema = z.object({
  number: z.string().max(100),
  to: z.string().min(1).max(64).nullable().optional().describe('The line that was called, as the telephone system names it'),
});
const answerSchema = z.object({ callId: z.uuid() });

@Controller('/v1/telephony')
export class TelephonyController {
  constructor(
    private readonly core: CoreClient,
    private readonly relay: WatchRelay,
  ) {}

  @Post('/incoming')
  @HttpCode(202)
  @RequiresScope('telephony')
  @Operation({
    summary: 'A number is calling: rings at the responsible person',
    notes:
      'By a token of the scope `telephony`, or by an administrator. Who is responsible for a record with this number, and listens to ' +
      '/v1/events/stream, is told `call.ringing`. The answer is the same for a number of nobody. Counted as a lookup of whoever reports.',
    tag: 'Calls',
    body: bodySchema,
    status: 202,
    answer: answerSchema,
    refusals: ['incomplete-number', 'masked-value', 'view-limit-reached'],
  })
  async incoming(
    @CurrentWho() who: Who,
    @AsCommand() { expectedVersion: _ofNothing, ...request }: CommandRequest,
  ): Promise<z.infer<typeof answerSchema>> {
    if (who.scopes === null && !who.principal.isAdmin) refuse('forbidden');
    return { callId: (await hurrying(this.relay, this.core.command('ReportIncomingCall', who, request))).id };
  }
}
