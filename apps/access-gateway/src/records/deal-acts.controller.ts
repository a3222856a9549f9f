import { Controller, Param, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { CommandName } from '#contracts';
import { CoreClient } from '../core/core-client.js';
import { AsCommand, changed, changedSchema, PathId, type Changed, type CommandRequest } from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { CurrentWho, RequiresScope, type Who } from '../requests/request-context.js';

const tag = 'deals';
const REFUSALS = ['not-found', 'version-conflict'];
const moveBody = z.object({ stageId: z.uuid() });
const loseBody = z.object({ reason: z.string().min(3).max(500) });

/** What only deals do. Each act answers 200 with id and version. */
@Controller('/v1/deals')
export class DealActsController {
  constructor(private readonly core: CoreClient) {}

  @Post('/:id/move')
  @RequiresScope('deals:write')
  @Operation({
    summary: 'Move a deal to another stage of its pipeline',
    tag,
    body: moveBody,
    answer: changedSchema,
    refusals: [...REFUSALS, 'deal-closed', 'unknown-reference'],
  })
  move(
    @CurrentWho() who: Who,
    @Param('id', PathId) id: string,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Changed> {
    return this.act('MoveDeal', who, id, request, reply);
  }

  @Post('/:id/win')
  @RequiresScope('deals:write')
  @Operation({ summary: 'Close a deal as won', tag, answer: changedSchema, refusals: [...REFUSALS, 'deal-closed'] })
  win(
    @CurrentWho() who: Who,
    @Param('id', PathId) id: string,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Changed> {
    return this.act('WinDeal', who, id, request, reply);
  }

  @Post('/:id/lose')
  @RequiresScope('deals:write')
  @Operation({
    summary: 'Close a deal as lost, with the reason',
    tag,
    body: loseBody,
    answer: changedSchema,
    refusals: [...REFUSALS, 'deal-closed'],
  })
  lose(
    @CurrentWho() who: Who,
    @Param('id', PathId) id: string,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Changed> {
    return this.act('LoseDeal', who, id, request, reply);
  }

  @Post('/:id/reopen')
  @RequiresScope('deals:write')
  @Operation({ summary: 'Reopen a closed deal', tag, answer: changedSchema, refusals: [...REFUSALS, 'deal-open'] })
  reopen(
    @CurrentWho() who: Who,
    @Param('id', PathId) id: string,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Changed> {
    return this.act('ReopenDeal', who, id, request, reply);
  }

  private async act(name: CommandName, who: Who, id: string, request: CommandRequest, reply: FastifyReply): Promise<Changed> {
    reply.status(200);
    return changed(reply, await this.core.command(name, who, { ...request, targetId: id }));
  }
}
