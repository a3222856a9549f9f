import { Controller, HttpCode, Param, Post, type Type } from '@nestjs/common';
import { z } from 'zod';
import type { CommandName } from '#contracts';
import { AsCommand, PathId, type CommandRequest } from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { COMPANIES, CONTACTS, type RecordKind } from '../records/record-kind.js';
import { CurrentWho, RequiresRight, RequiresScope, type Who } from '../requests/request-context.js';
import { Reveals } from './reveals.js';

const bodySchema = z.object({ reason: z.string().min(3).max(500) });
const numberSchema = z.object({ number: z.string() });
const addressSchema = z.object({ address: z.string() });
const REFUSALS = ['not-found', 'erased', 'view-limit-reached', 'validation-failed', 'dependency-unavailable'];
const NOTES =
  'Recorded, counted (`phone.revealed`) and in the audit trail with its reason. A repeat under the same Idempotency-Key shows what the ' +
  'first showed, to those who may still reveal it, and is not counted again.';

/** Numbers and addresses in full, each for a reason that is written down (ADR 21). */
function revealsController({ route, readScope: scope, commandNoun: noun }: RecordKind & { type: 'contact' | 'company' }): Type {
  const tag = route;
  const command = (point: 'Phone' | 'Email'): CommandName => `Reveal${noun}${point}` as CommandName;

  @Controller(`/v1/${route}`)
  class RevealsController {
    constructor(readonly reveals: Reveals) {}

    @Post('/:id/phones/:phoneId/reveal')
    @HttpCode(200)
    @RequiresScope(scope)
    @RequiresRight('phone', 'reveal')
    @Operation({
      ...{ summary: 'A number in full, for a reason', notes: NOTES, tag },
      ...{ body: bodySchema, answer: numberSchema, refusals: REFUSALS },
    })
    async phone(
      @CurrentWho() who: Who,
      @Param('id', PathId) targetId: string,
      @Param('phoneId', PathId) partId: string,
      @AsCommand() { expectedVersion: _ofNothing, ...request }: CommandRequest,
    ): Promise<z.infer<typeof numberSchema>> {
      const { number = '' } = await this.reveals.reveal(command('Phone'), who, { ...request, targetId, partId });
      return { number };
    }

    @Post('/:id/emails/:emailId/reveal')
    @HttpCode(200)
    @RequiresScope(scope)
    @RequiresRight('email', 'reveal')
    @Operation({
      ...{ summary: 'An e-mail address in full, for a reason', notes: NOTES, tag },
      ...{ body: bodySchema, answer: addressSchema, refusals: REFUSALS },
    })
    async email(
      @CurrentWho() who: Who,
      @Param('id', PathId) targetId: string,
      @Param('emailId', PathId) partId: string,
      @AsCommand() { expectedVersion: _ofNothing, ...request }: CommandRequest,
    ): Promise<z.infer<typeof addressSchema>> {
      const { address = '' } = await this.reveals.reveal(command('Email'), who, { ...request, targetId, partId });
      return { address };
    }
  }
  return RevealsController;
}

export const ContactRevealsController = revealsController({ ...CONTACTS, type: 'contact' });
export const CompanyRevealsController = revealsController({ ...COMPANIES, type: 'company' });
