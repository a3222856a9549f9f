import { createHash } from 'node:crypto';
import { sql, type Transaction } from 'kysely';
import { v7 as uuidv7 } from 'uuid';
import { DomainError, refuse, uuidFromDigest } from '#kernel';
import { mayAtAll } from '#policy';
import type { AuditTrail } from '../accounts/audit-trail.js';
import type { ExportState, GatewaySchema } from '../database/access-schema.js';
import type { GatewayDatabase } from '../database/gateway-database.js';
import { gateValues, requireAdmitted, requireSameRights, type Admission } from '../records/gate.js';
import type { ListRequest } from '../records/list-request.js';
import type { RecordKind } from '../records/record-kind.js';
import { ViewerTurns } from '../records/viewer-turns.js';
import type { WatchRelay } from '../relay/watch-relay.js';
import type { Who } from '../requests/request-context.js';
import { exportFilters, exportIdsSql } from './export-sql.js';
import type { ExportKeys } from './export-keys.js';
import { rawSql } from './raw-sql.js';

/** Files of one person that are kept or in the making; more are asked for when the oldest is gone. */
const MOST_KEPT = 20;

export type ExportFormat = 'csv' | 'xlsx';
export interface ExportRequest {
  readonly kind: RecordKind;
  readonly list: ListRequest;
  readonly format: ExportFormat;
  /** What was asked, as one text: a repeat under the same Idempotency-Key has the same. */
  readonly text: string;
  readonly idempotencyKey: string | undefined;
}
export interface ExportStanding {
  readonly exportId: string;
  readonly state: ExportState;
  readonly rows: number;
  readonly done: number;
}
export interface ExportFacts {
  readonly exportId: string;
  readonly recordType: RecordKind['type'];
  readonly format: ExportFormat;
  readonly ofDeleted: boolean;
  readonly rows: number;
  readonly dataKey: Buffer;
}

export interface ExportStoreOptions {
  readonly database: GatewayDatabase;
  readonly audit: AuditTrail;
  readonly relay: WatchRelay;
  readonly keys: ExportKeys;
  readonly mostRows: number;
}

/** Admitting the rows of a large export takes seconds. */
const TURN_WITHIN_MS = 10_000;

/** Exports as they are asked for and asked about. Their rows pass the gate before anything of them is there. */
export class ExportStore {
  /** Requests of one person wait for one lock anyhow, and must not take every connection. */
  private readonly turns = new ViewerTurns(TURN_WITHIN_MS);

  constructor(private readonly options: ExportStoreOptions) {}

  get keys(): ExportKeys {
    return this.options.keys;
  }

  /**
   * Decides which rows they are, lets all of them pass the gate at once, and notes the work, in one transaction. A repeat under the
   * same Idempotency-Key gives the first one's id. Throws `view-limit-reached` (nothing is there then but the refusal),
   * `export-too-large`, `unknown-filter`, `capacity-reached`, `idempotency-key-reused`, `idempotency-in-progress`, `RightsChanged`.
   */
  request(who: Who, request: ExportRequest): Promise<string> {
    return this.turns.run(who.caller.userId, () => this.requestInTurn(who, request));
  }

  private async requestInTurn(who: Who, request: ExportRequest): Promise<string> {
    if (Object.keys(request.list.attribution).length > 0 && !mayAtAll(who.principal, 'attribution', 'view')) {
      refuse('unknown-filter');
    }
    const { userId } = who.caller;
    const exportId = request.idempotencyKey === undefined ? uuidv7() : idOf(userId, request.idempotencyKey);
    const admission = await this.options.database.transaction(async (trx) => {
      if (await this.isRepeat(trx, who, exportId, request)) return null;
      await this.requireRoom(trx, userId);
      const ids = await this.idsOf(trx, who, request);
      const asked = await this.admit(trx, who, request.kind, ids);
      // A refusal is kept, so it is committed; what was admitted by rights of before is undone as a whole.
      if (asked?.decision !== 'admitted') return asked;
      requireSameRights(who, asked.authz_version);
      await this.insert(trx, who, exportId, request, ids);
      return asked;
    });
    if (admission === null) return exportId;
    if (admission?.decision !== 'admitted') this.options.relay.wake();
    requireAdmitted(who, admission);
    return exportId;
  }

  /** Throws `not-found` for anybody but its owner. */
  async standing(who: Who, exportId: string): Promise<ExportStanding> {
    const row = await this.options.database.db
      .selectFrom('access.exports')
      .select(['id as exportId', 'state', 'rows', 'done'])
      .where('id', '=', exportId)
      .where('user_id', '=', who.caller.userId)
      .executeTakeFirst();
    return row ?? refuse('not-found');
  }

  /**
   * The file's facts for its owner, within an hour of its making. Throws `export-not-ready`, and `not-found` for all others, all
   * later, and for what failed or was cancelled.
   */
  async finished(who: Who, exportId: string): Promise<ExportFacts> {
    const row = await this.options.database.db
      .selectFrom('access.exports')
      .select(['record_type', 'format', 'of_deleted', 'rows', 'state', 'wrapped_key', 'epoch'])
      .select(sql<boolean>`finished_at > clock_timestamp() - ${sql.lit(KEPT_FOR)}::interval`.as('isFresh'))
      .where('id', '=', exportId)
      .where('user_id', '=', who.caller.userId)
      .executeTakeFirst();
    if (row === undefined || row.epoch !== who.authorization.epoch) return refuse('not-found');
    if (row.state === 'queued' || row.state === 'running') return refuse('export-not-ready');
    if (row.state !== 'done' || !row.isFresh || row.wrapped_key === null) return refuse('not-found');
    const dataKey = this.options.keys.unwrap(exportId, row.wrapped_key);
    const { record_type: recordType, format, of_deleted: ofDeleted, rows } = row;
    return { exportId, recordType, format, ofDeleted, rows, dataKey };
  }

  /** The sealed part that begins at this row. Throws `not-found` when it is gone meanwhile. */
  async part(exportId: string, firstRow: number): Promise<{ rowCount: number; sealed: string }> {
    const row = await this.options.database.db
      .selectFrom('access.export_parts')
      .select(['row_count as rowCount', 'sealed'])
      .where('export_id', '=', exportId)
      .where('first_row', '=', firstRow)
      .executeTakeFirst();
    return row ?? refuse('not-found');
  }

  private async isRepeat(trx: Transaction<GatewaySchema>, who: Who, exportId: string, request: ExportRequest): Promise<boolean> {
    if (request.idempotencyKey === undefined) return false;
    const lock = `export ${exportId}`;
    const tried = await sql<{
      held: boolean;
    }>`SELECT pg_try_advisory_xact_lock(hashtextextended(${lock}, 0)) AS held`.execute(trx);
    if (tried.rows[0]?.held !== true) throw new DomainError('idempotency-in-progress');
    const first = await trx.selectFrom('access.exports').select('request_hmac').where('id', '=', exportId).executeTakeFirst();
    if (first === undefined) return false;
    return first.request_hmac.equals(this.hmacOf(who, request)) || refuse('idempotency-key-reused');
  }

  private async requireRoom(trx: Transaction<GatewaySchema>, userId: string): Promise<void> {
    const { kept } = await trx
      .selectFrom('access.exports')
      .select(sql<number>`count(*)::int`.as('kept'))
      .where('user_id', '=', userId)
      .where('wrapped_key', 'is not', null)
      .executeTakeFirstOrThrow();
    if (kept >= MOST_KEPT) refuse('capacity-reached');
  }

  private async idsOf(trx: Transaction<GatewaySchema>, who: Who, { kind, list }: ExportRequest): Promise<string[]> {
    const { mostRows } = this.options;
    const filters = exportFilters(who.principal, kind, list.deleted);
    const { rows } = await rawSql<{ id: string }>(exportIdsSql(kind, list, filters, mostRows)).execute(trx);
    if (rows.length > mostRows) refuse('export-too-large');
    return rows.map(({ id }) => id);
  }

  private async admit(
    trx: Transaction<GatewaySchema>,
    who: Who,
    kind: RecordKind,
    ids: readonly string[],
  ): Promise<Admission | undefined> {
    const { rows } = await rawSql<Admission>({
      text: `SELECT gate.decision, (SELECT authz_version FROM read.security) AS authz_version
             FROM watch.admit($1, 'record.exported', 'export', $2, $3::uuid[], $4, $5, $6, $7, true) AS gate`,
      values: [who.caller.userId, kind.type, ids, ...gateValues(who)],
    }).execute(trx);
    return rows[0];
  }

  private async insert(
    trx: Transaction<GatewaySchema>,
    who: Who,
    exportId: string,
    request: ExportRequest,
    ids: readonly string[],
  ): Promise<void> {
    const { kind, list, format } = request;
    await trx
      .insertInto('access.exports')
      .values({
        ...{ id: exportId, user_id: who.caller.userId, epoch: who.authorization.epoch, record_type: kind.type, format },
        ...{ of_deleted: list.deleted, request_hmac: this.hmacOf(who, request), row_ids: [...ids], rows: ids.length },
        wrapped_key: this.options.keys.newKey(exportId).wrapped,
      })
      .execute();
    const details = { exportId, recordType: kind.type, format, rows: ids.length };
    await this.options.audit.record(trx, 'export.requested', { actorId: who.caller.userId, ip: who.ip, details });
  }

  private hmacOf(who: Who, request: ExportRequest): Buffer {
    return this.options.keys.hmacOf(who.caller.userId, request.text);
  }
}

/** So long a file is there after it was made (ADR 20). */
export const KEPT_FOR = '1 hour';

function idOf(userId: string, idempotencyKey: string): string {
  const parts = JSON.stringify([userId, 'CreateExport', idempotencyKey]);
  return uuidFromDigest(createHash('sha256').update(parts).digest());
}
