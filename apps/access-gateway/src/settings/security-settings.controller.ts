import { Controller, Get, Put, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { securitySettingsSchema, type SecuritySettings } from '#contracts';
import { DomainError } from '#kernel';
import { CoreClient } from '../core/core-client.js';
import { GatewayDatabase } from '../database/gateway-database.js';
import { AsCommand, etagOf, type CommandRequest } from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { CurrentWho, RequiresRight, RequiresScope, type Who } from '../requests/request-context.js';

const tag = 'Security settings';

@Controller('/v1/settings/security')
export class SecuritySettingsController {
  constructor(
    private readonly database: GatewayDatabase,
    private readonly core: CoreClient,
  ) {}

  @Get()
  @RequiresScope('settings:read')
  @RequiresRight('settings', 'view')
  @Operation({ summary: 'Security settings', tag, answer: securitySettingsSchema })
  get(@Res({ passthrough: true }) reply: FastifyReply): Promise<SecuritySettings> {
    return this.current(reply);
  }

  @Put()
  @RequiresScope('settings:write')
  @RequiresRight('settings', 'edit')
  @Operation({
    summary: 'Replace the security settings',
    tag,
    body: securitySettingsSchema,
    answer: securitySettingsSchema,
    refusals: ['version-conflict', 'invalid-cidr', 'empty-allow-list', 'would-lock-you-out', 'unknown-reference'],
  })
  async replace(
    @CurrentWho() who: Who,
    @AsCommand() request: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SecuritySettings> {
    await this.core.command('ChangeSecuritySettings', who, request);
    return this.current(reply);
  }

  private async current(reply: FastifyReply): Promise<SecuritySettings> {
    const row = await this.database.db.selectFrom('read.security').select(['settings', 'version']).executeTakeFirst();
    if (row === undefined) throw new DomainError('dependency-unavailable', { retryAfterSeconds: 1 });
    reply.header('etag', etagOf(row.version));
    return row.settings;
  }
}
