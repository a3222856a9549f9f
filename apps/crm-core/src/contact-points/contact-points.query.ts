import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { Pool } from 'pg';
import { Inject } from '@nestjs/common';
import { refuse } from '#kernel';
import {
  contactPointsContext,
  type ClearPoint,
  type ContactPointsQuery,
  type ContactPointsReply,
  type SecuritySettings,
} from '#contracts';
import { decide, type Principal } from '#policy';
import { EnvelopeSender, open, toPublicJwk } from '#privacy';
import { Authorizations } from '../commands/authorizations.js';
import { DataKeys } from '../log/data-keys.js';
import { CORE_POOL } from '../log/log.module.js';

export class GetContactPoints extends Query<ContactPointsReply> {
  constructor(readonly request: ContactPointsQuery) {
    super();
  }
}

interface PointRow {
  id: string;
  kind: 'phone' | 'email';
  sealed: string;
}

/** The clear numbers of a record for one who may see them, decided here again, sealed to the gateway instance that asks. */
@QueryHandler(GetContactPoints)
export class GetContactPointsHandler implements IQueryHandler<GetContactPoints, ContactPointsReply> {
  private readonly sender = new EnvelopeSender();

  constructor(
    @Inject(CORE_POOL) private readonly pool: Pool,
    private readonly keys: DataKeys,
    private readonly authorizations: Authorizations,
  ) {}

  async execute({ request }: GetContactPoints): Promise<ContactPointsReply> {
    const loaded = await this.authorizations.load(request.caller.userId);
    if (loaded === undefined || loaded.authorization.status !== 'active') return refuse('unauthenticated');
    const record = await this.find(request);
    const { principal, authorization } = loaded;
    if (record === undefined || !decide(principal, request.recordType, 'view', record).allowed) return refuse('not-found');
    const shown = shownPoints(principal, authorization.settings, record);
    const points = await this.openPoints(request, (kind) => shown[kind]);
    const context = contactPointsContext(request.requestId);
    const sealed = this.sender.seal(toPublicJwk(request.replyJwk), JSON.stringify(points), context);
    return { ok: true, sealed };
  }

  private async find({ recordType, recordId }: ContactPointsQuery): Promise<{ responsibleId: string | null } | undefined> {
    const table = recordType === 'contact' ? 'read.contacts' : 'read.companies';
    const result = await this.pool.query<{ responsible_id: string | null }>({
      name: `owner of ${recordType}`,
      text: `SELECT responsible_id FROM ${table} WHERE id = $1 AND deleted_at IS NULL`,
      values: [recordId],
    });
    const row = result.rows[0];
    return row === undefined ? undefined : { responsibleId: row.responsible_id };
  }

  private async openPoints(
    { recordType, recordId }: ContactPointsQuery,
    isShown: (kind: PointRow['kind']) => boolean,
  ): Promise<readonly ClearPoint[]> {
    const owner = `${recordType}-${recordId}`;
    const key = await this.keys.find(owner);
    if (key === undefined) return [];
    const result = await this.pool.query<PointRow>({
      name: 'points of record',
      text: 'SELECT id, kind, sealed FROM vault.points WHERE record_type = $1 AND record_id = $2',
      values: [recordType, recordId],
    });
    return result.rows
      .filter(({ kind }) => isShown(kind))
      .map(({ id, kind, sealed }) => {
        const value = String(open(key, sealed, `${owner}|point|${id}`));
        return kind === 'phone' ? { id, number: value } : { id, address: value };
      });
  }
}

/** Which full numbers and addresses of the record the person may see: hiding is off, or a right of his reaches it. */
export function shownPoints(
  principal: Principal,
  { hidePhones, hideEmails }: Pick<SecuritySettings, 'hidePhones' | 'hideEmails'>,
  record: { readonly responsibleId: string | null },
): { readonly phone: boolean; readonly email: boolean } {
  return {
    phone: !hidePhones || decide(principal, 'phone', 'view', record).allowed,
    email: !hideEmails || decide(principal, 'email', 'view', record).allowed,
  };
}
