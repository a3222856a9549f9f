import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { refuse } from '#kernel';
import type { AuditProof, AuditProofReply } from '#contracts';
import { AuditTrail } from '../accounts/audit-trail.js';
import { CoreClient } from '../core/core-client.js';
import { GatewayDatabase } from '../database/gateway-database.js';
import { pageQuerySchema, pageSchema, parsePage, refuseUnknown, type Page } from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { CurrentWho, RequiresRight, RequiresScope, type Who } from '../requests/request-context.js';
import { AuditEntries, auditEntrySchema, type AuditEntryShown } from './audit-entries.js';
import { idOf, invalid, timeOf } from './filters.js';

const tag = 'Watching';
const FILTERS = ['actorId', 'type', 'from', 'to'];
const auditQuery = pageQuerySchema.extend({
  actorId: z.uuid().optional(),
  type: z.string().optional(),
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
});
const proofSchema = z.object({
  number: z.int(),
  head: z.string(),
  previousHead: z.string(),
  root: z.string(),
  events: z.int(),
  total: z.int(),
  sealedAt: z.iso.datetime(),
  signature: z.string(),
  keyId: z.string(),
  publicKey: z.string(),
  unsealed: z.int(),
});

@Controller('/v1/audit')
export class AuditController {
  private readonly entries: AuditEntries;

  constructor(
    private readonly audit: AuditTrail,
    private readonly database: GatewayDatabase,
    private readonly core: CoreClient,
  ) {
    this.entries = new AuditEntries(database);
  }

  /** Written to the trail itself before it is answered: what cannot be recorded is not shown. */
  @Get()
  @RequiresScope('monitoring:read')
  @RequiresRight('audit', 'view')
  @Operation({
    summary: 'The audit trail, newest first; `from` is included, `to` is not',
    tag,
    query: auditQuery,
    answer: pageSchema(auditEntrySchema),
    refusals: ['unknown-filter', 'invalid-cursor', 'dependency-unavailable'],
  })
  async list(@CurrentWho() who: Who, @Query() query: unknown): Promise<Page<AuditEntryShown>> {
    const page = parsePage(query);
    refuseUnknown(page.rest, FILTERS);
    const filter = {
      actorId: idOf(page.rest, 'actorId'),
      type: typeOf(page.rest),
      from: timeOf(page.rest, 'from'),
      to: timeOf(page.rest, 'to'),
    };
    const position = this.entries.position(page);
    await this.audit.record(this.database.db, 'audit.read', { actorId: who.principal.userId, ip: who.ip, details: filter });
    return this.entries.list(filter, page.limit, position);
  }

  /** Whoever keeps it can tell later that nothing before it was changed. */
  @Get('/proof')
  @RequiresScope('monitoring:read')
  @RequiresRight('audit', 'view')
  @Operation({
    summary: 'The head of the chain of seals, signed, with all that it is made of',
    tag,
    answer: proofSchema,
    refusals: ['unknown-filter', 'dependency-unavailable'],
  })
  async proof(@Query() query: object): Promise<AuditProof> {
    if (Object.keys(query).length > 0) refuse('unknown-filter');
    const { ok: _ok, ...proof } = await this.core.query<Extract<AuditProofReply, { ok: true }>>('AuditProof', {});
    return proof;
  }
}

/** Letters, dots and dashes only: what is asked for is written down, and a number of a person must not be. */
function typeOf(rest: ReadonlyMap<string, string>): string | null {
  const type = rest.get('type');
  if (type !== undefined && !/^[a-z][a-zA-Z.-]{0,63}$/.test(type))
    throw invalid('type', 'Give a type such as sign-in.succeeded.');
  return type ?? null;
}
