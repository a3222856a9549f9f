import { Controller, Get, HttpCode, Param, Post, type Type } from '@nestjs/common';
import { z } from 'zod';
import { refuse } from '#kernel';
import type { CommandName } from '#contracts';
import { hurrying } from '../contact-points/reveals.js';
import { CoreClient } from '../core/core-client.js';
import { GatewayDatabase } from '../database/gateway-database.js';
import { AsCommand, PathId, type CommandRequest } from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { COMPANIES, CONTACTS, type RecordKind } from '../records/record-kind.js';
import { WatchRelay } from '../relay/watch-relay.js';
import { CurrentWho, RequiresAnyOf, RequiresRight, RequiresScope, type Who } from '../requests/request-context.js';

const placedSchema = z.object({ callId: z.uuid() });
const callSchema = z.object({
  callId: z.uuid(),
  recordType: z.enum(['contact', 'company']),
  recordId: z.uuid(),
  phoneId: z.uuid(),
  placedAt: z.iso.datetime(),
  state: z.enum(['placed', 'handed-over', 'failed']),
  cause: z.enum(['refused', 'unreachable', 'interrupted']).optional(),
});

/** Calls are placed by id: the number goes from core to the telephone system and never here. */
function callsController(kind: RecordKind & { type: 'contact' | 'company' }): Type {
  @Controller(`/v1/${kind.route}`)
  class CallsController {
    constructor(
      readonly core: CoreClient,
      readonly relay: WatchRelay,
    ) {}

    @Post('/:id/phones/:phoneId/call')
    @HttpCode(202)
    @RequiresScope(kind.writeScope)
    @RequiresRight(kind.type, 'call')
    @Operation({
      summary: 'Call a number of the record',
      notes:
        'The number goes to the telephone system, never to the client. Counted (`call.placed`), recorded and in the audit trail. What ' +
        'became of it: GET /v1/calls/{callId}.',
      tag: kind.route,
      status: 202,
      answer: placedSchema,
      refusals: ['not-found', 'erased', 'invalid-phone', 'view-limit-reached'],
    })
    async call(
      @CurrentWho() who: Who,
      @Param('id', PathId) targetId: string,
      @Param('phoneId', PathId) partId: string,
      @AsCommand() { expectedVersion: _ofNothing, ...request }: CommandRequest,
    ): Promise<z.infer<typeof placedSchema>> {
      const command = this.core.command(`Call${kind.commandNoun}` as CommandName, who, { ...request, targetId, partId });
      return { callId: (await hurrying(this.relay, command)).id };
    }
  }
  return CallsController;
}

export const ContactCallsController = callsController({ ...CONTACTS, type: 'contact' });
export const CompanyCallsController = callsController({ ...COMPANIES, type: 'company' });

@Controller('/v1/calls')
export class PlacedCallsController {
  constructor(private readonly database: GatewayDatabase) {}

  @Get('/:id')
  @RequiresAnyOf([
    { scope: CONTACTS.writeScope, right: { subject: 'contact', action: 'call' } },
    { scope: COMPANIES.writeScope, right: { subject: 'company', action: 'call' } },
  ])
  @Operation({
    summary: 'What became of a call that one placed',
    notes:
      '`handed-over`: the telephone system has taken it. `failed`: it refused, did not answer, or the service ended meanwhile ' +
      '(`interrupted`: nobody knows whether it was taken).',
    tag: 'Calls',
    answer: callSchema,
    refusals: ['not-found'],
  })
  async get(@CurrentWho() who: Who, @Param('id', PathId) id: string): Promise<z.infer<typeof callSchema>> {
    const row = await this.database.db
      .selectFrom('read.calls')
      .selectAll()
      .where('id', '=', id)
      .where('placed_by', '=', who.principal.userId)
      .executeTakeFirst();
    if (row === undefined) return refuse('not-found');
    const { record_type: recordType, record_id: recordId, phone_id: phoneId, placed_at: placedAt, state, cause } = row;
    return {
      ...{ callId: row.id, recordType, recordId, phoneId, placedAt: placedAt.toISOString(), state },
      ...(cause === null ? {} : { cause }),
    };
  }
}
