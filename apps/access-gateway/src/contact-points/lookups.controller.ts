import { Controller, HttpCode, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AsCommand, type CommandRequest } from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { byPresentRights } from '../records/gate.js';
import { Authentication } from '../requests/authentication.js';
import { CurrentWho, RequiresAnyOf, type Who } from '../requests/request-context.js';
import { ANY_RECORDS } from '../watching/record-scopes.js';
import { Lookups } from './lookups.js';

const bodySchema = z.object({ number: z.string().max(100) });
const answerSchema = z.object({
  matches: z.array(z.object({ type: z.enum(['contact', 'company']), id: z.uuid(), name: z.string() })),
});
/** Deals have no numbers. */
const WITH_NUMBERS = ANY_RECORDS.filter(({ right }) => right.subject !== 'deal');

@Controller('/v1/lookups')
export class LookupsController {
  constructor(
    private readonly lookups: Lookups,
    private readonly authentication: Authentication,
  ) {}

  @Post('/phone')
  @HttpCode(200)
  @RequiresAnyOf(WITH_NUMBERS)
  @Operation({
    summary: 'Records of a complete number that one may see',
    notes:
      'Complete numbers only, in the region of the company. Counted (`phone.lookedUp`), hit or miss, recorded and in the audit trail. A ' +
      'number of nobody and one of a record out of sight have the same answer. A token is told of the kinds of records of its scopes.',
    tag: 'Contact points',
    body: bodySchema,
    answer: answerSchema,
    refusals: ['incomplete-number', 'masked-value', 'view-limit-reached', 'dependency-unavailable'],
  })
  async phone(
    @CurrentWho() who: Who,
    @AsCommand() { expectedVersion: _ofNothing, ...request }: CommandRequest,
    @Req() { routeOptions }: FastifyRequest,
  ): Promise<z.infer<typeof answerSchema>> {
    const lookupId = await this.lookups.lookUp(who, request);
    const recheck = (present: Who): Promise<Who> => this.authentication.recheck(present, routeOptions.config.rules ?? {});
    return { matches: await byPresentRights(who, recheck, (present) => this.lookups.matchesOf(present, lookupId)) };
  }
}
