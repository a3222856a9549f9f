import { Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { refuse } from '#kernel';
import type { CommandName } from '#contracts';
import { CoreClient } from '../core/core-client.js';
import {
  AsCommand,
  changed,
  changedSchema,
  pageQuerySchema,
  pageSchema,
  parsePage,
  PathId,
  refuseUnknown,
  validated,
  type Changed,
  type CommandRequest,
  type Page,
} from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { byPresentRights } from '../records/gate.js';
import { Authentication } from '../requests/authentication.js';
import { CurrentWho, RequiresRight, RequiresScope, ServedByGate, type Who } from '../requests/request-context.js';
import { leadRowSchema, LeadRows, WAITING_STATES, type LeadFilter, type LeadRow } from './lead-rows.js';

const tag = 'Leads';
const REFUSALS = ['not-found', 'version-conflict', 'lead-settled'];
const filterSchema = z.object({
  state: z.enum(WAITING_STATES).default('quarantined'),
  formId: z.uuid().toLowerCase().optional(),
});

function filterOf(rest: ReadonlyMap<string, string>): LeadFilter {
  refuseUnknown(rest, ['state', 'formId']);
  const { state, formId = null } = validated(Object.fromEntries(rest), filterSchema);
  return { state, formId };
}

/** Leads that wait for somebody's word. What was accepted is a contact and a deal, and found there by its `leadId`. */
@Controller('/v1/leads')
export class LeadsController {
  constructor(
    private readonly leads: LeadRows,
    private readonly core: CoreClient,
    private readonly authentication: Authentication,
  ) {}

  @Get()
  @RequiresScope('leads:read')
  @RequiresRight('leads', 'accept')
  @ServedByGate()
  @Operation({
    summary: 'Leads in quarantine, or (state=set-aside, for administrators) those that could not be processed; newest first',
    tag,
    query: pageQuerySchema.extend({ state: z.enum(WAITING_STATES).optional(), formId: z.uuid().optional() }),
    answer: pageSchema(leadRowSchema),
    refusals: ['unknown-filter', 'invalid-cursor', 'view-limit-reached'],
  })
  list(@CurrentWho() who: Who, @Query() query: unknown, @Req() request: FastifyRequest): Promise<Page<LeadRow>> {
    const page = parsePage(query);
    const filter = filterOf(page.rest);
    const recheck = (present: Who): Promise<Who> => this.authentication.recheck(present, request.routeOptions.config.rules ?? {});
    return byPresentRights(who, recheck, (present) => {
      if (filter.state === 'set-aside' && !present.principal.isAdmin) refuse('forbidden');
      return this.leads.list(present, filter, page);
    });
  }

  @Post('/:id/accept')
  @HttpCode(200)
  @RequiresScope('leads:write')
  @RequiresRight('leads', 'accept')
  @Operation({
    summary: 'Make a contact and a deal of a quarantined lead; again, nothing',
    tag,
    answer: changedSchema,
    refusals: REFUSALS,
  })
  accept(
    @CurrentWho() who: Who,
    @Param('id', PathId) id: string,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Changed> {
    return this.act('AcceptLead', who, id, request, reply);
  }

  @Post('/:id/decline')
  @HttpCode(200)
  @RequiresScope('leads:write')
  @RequiresRight('leads', 'accept')
  @Operation({
    summary: 'Destroy what a quarantined lead says (administrators: one set aside too); again, nothing',
    tag,
    answer: changedSchema,
    refusals: REFUSALS,
  })
  decline(
    @CurrentWho() who: Who,
    @Param('id', PathId) id: string,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Changed> {
    return this.act('DeclineLead', who, id, request, reply);
  }

  @Post('/:id/retry')
  @HttpCode(200)
  @RequiresScope('leads:write')
  @RequiresRight('leads', 'accept')
  @Operation({
    summary: 'Process a lead that was set aside once more (administrators)',
    tag,
    answer: changedSchema,
    refusals: [...REFUSALS, 'lead-unprocessable'],
  })
  retry(
    @CurrentWho() who: Who,
    @Param('id', PathId) id: string,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Changed> {
    return this.act('RetryLead', who, id, request, reply);
  }

  private async act(name: CommandName, who: Who, id: string, request: CommandRequest, reply: FastifyReply): Promise<Changed> {
    return changed(reply, await this.core.command(name, who, { ...request, targetId: id }));
  }
}
