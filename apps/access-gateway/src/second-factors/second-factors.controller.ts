import { Controller, Delete, HttpCode, Post } from '@nestjs/common';
import { z } from 'zod';
import { DomainError } from '#kernel';
import { Reauthentication } from '../accounts/reauthentication.js';
import { GatewayDatabase } from '../database/gateway-database.js';
import { readJson, Sent, type SentBody } from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { CurrentWho, WithoutSecondFactor, type Who } from '../requests/request-context.js';
import { SecondFactors } from './second-factors.js';

const tag = 'Sessions and me';
const begunSchema = z.object({ secret: z.string(), otpauthUrl: z.string() });
const code = z.string().max(100);
const confirmSchema = z.strictObject({ code });
const confirmedSchema = z.object({ recoveryCodes: z.array(z.string()) });
const removalSchema = z.union([z.strictObject({ currentPassword: z.string().max(1_000) }), z.strictObject({ code })]);

@Controller('/v1/me/totp')
export class SecondFactorsController {
  constructor(
    private readonly secondFactors: SecondFactors,
    private readonly reauthentication: Reauthentication,
    private readonly database: GatewayDatabase,
  ) {}

  @Post()
  @WithoutSecondFactor()
  @Operation({
    summary: 'Begin a second factor (TOTP)',
    notes: 'The secret is shown once and counts after /v1/me/totp/confirm, within an hour; a later begin replaces it.',
    tag,
    status: 201,
    answer: begunSchema,
    takesNoKey: true,
    refusals: ['second-factor-exists'],
  })
  begin(@CurrentWho() who: Who): Promise<z.input<typeof begunSchema>> {
    return this.secondFactors.begin(who.caller.userId, who.authorization.email);
  }

  @Post('/confirm')
  @HttpCode(200)
  @WithoutSecondFactor()
  @Operation({
    summary: 'Put the second factor in force with a first code',
    notes: 'Ends my other sessions. The ten recovery codes are shown once; each signs in once, in place of a code of the app.',
    tag,
    body: confirmSchema,
    answer: confirmedSchema,
    takesNoKey: true,
    refusals: ['not-found', 'invalid-credentials'],
  })
  async confirm(@CurrentWho() who: Who, @Sent() sent: SentBody): Promise<z.input<typeof confirmedSchema>> {
    return { recoveryCodes: await this.secondFactors.confirm(who, readJson(sent, confirmSchema).code) };
  }

  @Delete()
  @HttpCode(204)
  @WithoutSecondFactor()
  @Operation({
    summary: 'Remove my second factor and its recovery codes',
    notes: 'The body proves who asks: the current password, or a code of the factor (or a recovery code).',
    tag,
    body: removalSchema,
    status: 204,
    refusals: ['not-found', 'invalid-credentials', 'too-many-attempts'],
  })
  async remove(@CurrentWho() who: Who, @Sent() sent: SentBody): Promise<void> {
    const { userId } = who.caller;
    const shown = readJson(sent, removalSchema);
    await this.reauthentication.require(who, 'code' in shown ? shown : { password: shown.currentPassword });
    const removed = await this.database.transaction((trx) =>
      this.secondFactors.remove(trx, userId, { actorId: userId, ip: who.ip }),
    );
    if (!removed) throw new DomainError('not-found');
  }
}
