import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { z } from 'zod';
import { refuse } from '#kernel';
import { filterFor } from '#policy';
import { CoreClient } from '../core/core-client.js';
import { GatewayDatabase } from '../database/gateway-database.js';
import { AsCommand, PathId, type CommandRequest } from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { CurrentWho, RequiresRight, RequiresScope, type Who } from '../requests/request-context.js';

const bodySchema = z.object({ reason: z.string().min(3).max(500), requestRef: z.string().max(200).nullable().optional() });
const actSchema = z.object({
  contactId: z.uuid(),
  erasedAt: z.iso.datetime(),
  erasedBy: z.uuid().nullable(),
  reason: z.string(),
  requestRef: z.string().nullable(),
  categories: z.array(z.string()),
  erasedDealIds: z.array(z.uuid()),
  keptDealIds: z.array(z.uuid()),
  erasedLeadIds: z.array(z.uuid()),
  method: z.string(),
});
type DestructionAct = z.infer<typeof actSchema>;

const METHOD =
  'The data keys (AES-256) under which the personal data was sealed were destroyed, and the copies for reading and looking up removed.';

/** Erasing a person for good (ADR 15), and the paper about it. */
@Controller('/v1/contacts')
export class ErasureController {
  constructor(
    private readonly database: GatewayDatabase,
    private readonly core: CoreClient,
  ) {}

  @Post('/:id/erase')
  @HttpCode(200)
  @RequiresScope('records:erase')
  @RequiresRight('records', 'erase')
  @Operation({
    summary: 'Erase a person for good; answers the destruction act',
    tag: 'contacts',
    body: bodySchema,
    answer: actSchema,
    refusals: ['not-found', 'erased', 'version-conflict', 'view-limit-reached'],
  })
  async erase(
    @CurrentWho() who: Who,
    @Param('id', PathId) id: string,
    @AsCommand() request: CommandRequest,
  ): Promise<DestructionAct> {
    await this.core.command('EraseContact', who, { ...request, targetId: id });
    return this.find(who, id);
  }

  @Get('/:id/destruction-act')
  @RequiresScope('records:erase')
  @RequiresRight('records', 'erase')
  @Operation({ summary: 'The destruction act of an erased person', tag: 'contacts', answer: actSchema, refusals: ['not-found'] })
  act(@CurrentWho() who: Who, @Param('id', PathId) id: string): Promise<DestructionAct> {
    return this.find(who, id);
  }

  /** For those who could see the person; `not-found` for others, and for one who is not erased. */
  private async find({ principal }: Who, id: string): Promise<DestructionAct> {
    const filter = filterFor(principal, 'contact', 'view');
    if (filter.kind === 'nothing') return refuse('not-found');
    const row = await this.database.db
      .selectFrom('read.erasures')
      .selectAll()
      .where('contact_id', '=', id)
      .$if(filter.kind === 'responsible', (select) =>
        select.where('responsible_id', 'in', filter.kind === 'responsible' ? filter.userIds : []),
      )
      .executeTakeFirst();
    if (row === undefined) return refuse('not-found');
    const { reason, requestRef, categories, erasedDealIds, keptDealIds, erasedLeadIds } = row.act;
    return {
      ...{ contactId: id, erasedAt: row.erased_at.toISOString(), erasedBy: row.erased_by, reason, requestRef },
      ...{ categories: [...categories], erasedDealIds: [...erasedDealIds], keptDealIds: [...keptDealIds] },
      ...{ erasedLeadIds: [...erasedLeadIds], method: METHOD },
    };
  }
}
