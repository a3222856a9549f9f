import { createHash } from 'node:crypto';
import { sql, type Transaction } from 'kysely';
import { v7 as uuidv7 } from 'uuid';
import { DomainError, refuse, uuidFromDigest } from '#kernel';
import type { ImportPart, RefusedLine } from '#contracts';
import type { AuditTrail } from '../accounts/audit-trail.js';
import type { CoreClient } from '../core/core-client.js';
import type { GatewaySchema, ImportState } from '../database/access-schema.js';
import type { GatewayDatabase } from '../database/gateway-database.js';
import type { ExportKeys } from '../exports/export-keys.js';
import type { Who } from '../requests/request-context.js';
import { readImportFile, type ImportFile } from './import-lines.js';

/** Imports of one person that wait or run; more are taken when one has ended. */
const MOST_WAITING = 3;
/** Refused lines that are named; all are counted. */
export const NAMED_LINES = 1_000;

export interface ImportRequest {
  readonly bytes: Buffer;
  readonly dryRun: boolean;
  readonly idempotencyKey: string | undefined;
}
export interface ImportStanding {
  readonly importId: string;
  readonly state: ImportState;
  readonly dryRun: boolean;
  readonly rows: number;
  readonly done: number;
  readonly imported: number;
  readonly refused: number;
  readonly refusedLines: readonly RefusedLine[];
}
export interface ImportStoreOptions {
  readonly database: GatewayDatabase;
  readonly audit: AuditTrail;
  readonly core: CoreClient;
  readonly keys: ExportKeys;
  readonly mostLines: number;
}

/** Imports as they are asked for and asked about. */
export class ImportStore {
  constructor(private readonly options: ImportStoreOptions) {}

  /**
   * Reads the file, seals its lines to core's key in parts, and keeps them with the work to be done. A repeat under the same Idempotency-Key gives
   * the first one's id. Throws as `readImportFile`; `capacity-reached`, `idempotency-key-reused`, `idempotency-in-progress`, and
   * `dependency-unavailable` without core.
   */
  async request(who: Who, request: ImportRequest): Promise<string> {
    const { userId } = who.caller;
    const importId = request.idempotencyKey === undefined ? uuidv7() : idOf(userId, request.idempotencyKey);
    const hmac = this.options.keys.hmacOf(userId, `import|${request.dryRun}|${request.bytes.toString('base64')}`);
    const file = await readImportFile(request.bytes, this.options.mostLines);
    const parts = await this.sealed(importId, file, request.dryRun);
    await this.options.database.transaction(async (trx) => {
      if (request.idempotencyKey !== undefined && (await isRepeat(trx, importId, hmac))) return;
      await requireRoom(trx, userId);
      await trx
        .insertInto('access.imports')
        .values({
          ...{ id: importId, user_id: userId, epoch: who.authorization.epoch, session_id: who.sessionId, token_id: who.tokenId },
          ...{ ip: who.ip, dry_run: request.dryRun, request_hmac: hmac, rows: file.rows },
          ...{ done: file.refused.length, refused: file.refused.length },
          refused_lines: JSON.stringify(file.refused.slice(0, NAMED_LINES)),
        })
        .execute();
      for (const part of parts) await trx.insertInto('access.import_parts').values(part).execute();
      const details = { importId, rows: file.rows, dryRun: request.dryRun };
      await this.options.audit.record(trx, 'import.requested', { actorId: userId, ip: who.ip, details });
    });
    return importId;
  }

  /** Throws `not-found` for anybody but its owner. */
  async standing(who: Who, importId: string): Promise<ImportStanding> {
    const row = await this.options.database.db
      .selectFrom('access.imports')
      .select(['id as importId', 'state', 'dry_run as dryRun', 'rows', 'done', 'refused', 'refused_lines as refusedLines'])
      .where('id', '=', importId)
      .where('user_id', '=', who.caller.userId)
      .executeTakeFirst();
    if (row === undefined) return refuse('not-found');
    const { refusedLines, ...rest } = row;
    const inOrder = [...refusedLines].sort((a, b) => a.line - b.line);
    return { ...rest, imported: row.dryRun ? 0 : row.done - row.refused, refusedLines: inOrder };
  }

  private async sealed(importId: string, file: ImportFile, dryRun: boolean) {
    const sealed = [];
    for (const [part, lines] of file.parts.entries()) {
      // Of this very import: core may remember the parts of one that had the same key for a while after the key is free again.
      const commandId = derivedId(['ImportContacts', importId, part, uuidv7()]);
      const body: ImportPart = { dryRun, lines: [...lines] };
      sealed.push({
        ...{ import_id: importId, part, row_count: lines.length, command_id: commandId },
        sealed: await this.options.core.sealBody('ImportContacts', commandId, Buffer.from(JSON.stringify(body))),
      });
    }
    return sealed;
  }
}

async function isRepeat(trx: Transaction<GatewaySchema>, importId: string, hmac: Buffer): Promise<boolean> {
  const lock = `import ${importId}`;
  const tried = await sql<{
    held: boolean;
  }>`SELECT pg_try_advisory_xact_lock(hashtextextended(${lock}, 0)) AS held`.execute(trx);
  if (tried.rows[0]?.held !== true) throw new DomainError('idempotency-in-progress');
  const first = await trx.selectFrom('access.imports').select('request_hmac').where('id', '=', importId).executeTakeFirst();
  if (first === undefined) return false;
  return first.request_hmac.equals(hmac) || refuse('idempotency-key-reused');
}

async function requireRoom(trx: Transaction<GatewaySchema>, userId: string): Promise<void> {
  const { waiting } = await trx
    .selectFrom('access.imports')
    .select(sql<number>`count(*)::int`.as('waiting'))
    .where('user_id', '=', userId)
    .where('state', 'in', ['queued', 'running'])
    .executeTakeFirstOrThrow();
  if (waiting >= MOST_WAITING) refuse('capacity-reached');
}

function idOf(userId: string, idempotencyKey: string): string {
  return derivedId([userId, 'CreateImport', idempotencyKey]);
}

function derivedId(parts: readonly unknown[]): string {
  return uuidFromDigest(createHash('sha256').update(JSON.stringify(parts)).digest());
}
