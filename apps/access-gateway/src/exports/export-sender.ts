import type { Readable } from 'node:stream';
import { refuse } from '#kernel';
import { mayAtAll } from '#policy';
import type { AuditTrail } from '../accounts/audit-trail.js';
import type { GatewayDatabase } from '../database/gateway-database.js';
import { byPresentRights, requireSameRights } from '../records/gate.js';
import type { RecordKind } from '../records/record-kind.js';
import type { Authentication } from '../requests/authentication.js';
import type { OpenStreams } from '../requests/open-streams.js';
import type { Who } from '../requests/request-context.js';
import type { RouteRules } from '../requests/route-rules.js';
import { cellsOf, headerOf, type CustomColumn, type ExportedRow } from './export-columns.js';
import { fileStream } from './export-file.js';
import { openPart } from './export-keys.js';
import { exportFilters, stillExportedSql } from './export-sql.js';
import type { ExportFacts, ExportFormat, ExportStore } from './export-store.js';
import { KINDS } from './export-work.js';

export interface SentFile {
  readonly name: string;
  readonly format: ExportFormat;
  readonly bytes: Readable;
}

/** Throws `forbidden` for whoever may export none of the kind, and `scope-missing` for a token that may not read it. */
export function requireExport(who: Who, kind: RecordKind): void {
  if (who.scopes !== null && !who.scopes.has(kind.readScope)) refuse('scope-missing');
  if (!mayAtAll(who.principal, kind.type, 'export') || !mayAtAll(who.principal, kind.type, 'view')) refuse('forbidden');
}

/** Unseals files while they are sent, part after part, each decided anew. */
export class ExportSender {
  constructor(
    private readonly store: ExportStore,
    private readonly database: GatewayDatabase,
    private readonly audit: AuditTrail,
    private readonly authentication: Authentication,
    private readonly openStreams: OpenStreams,
  ) {}

  /** Notes that the file is sent, then gives it. Throws as `ExportStore.finished` and `requireExport`. */
  async open(who: Who, rules: RouteRules, exportId: string): Promise<SentFile> {
    const facts = await this.store.finished(who, exportId);
    const { recordType, format } = facts;
    const kind = KINDS[recordType];
    requireExport(who, kind);
    const custom = await this.customColumns(kind);
    const details = { exportId, recordType, format, rows: facts.rows };
    await this.audit.record(this.database.db, 'export.sent', { actorId: who.caller.userId, ip: who.ip, details });
    const parts = this.parts(who, rules, facts, (row) => cellsOf(kind, custom, row));
    const bytes = fileStream(format, kind.route, { header: headerOf(kind, custom), parts });
    const stopWatching = this.openStreams.add({ who, rules, end: () => bytes.destroy() });
    bytes.once('close', stopWatching);
    return { name: `${kind.route}-${exportId}.${format}`, format, bytes };
  }

  private customColumns(kind: RecordKind): Promise<CustomColumn[]> {
    return this.database.db
      .selectFrom('read.custom_fields')
      .select(['id', 'name'])
      .where('record_type', '=', kind.type)
      .orderBy('name')
      .orderBy('id')
      .execute();
  }

  /** A part that is gone, or a person who may not any more, breaks the file off: it is never taken for a whole one. */
  private async *parts(
    asked: Who,
    rules: RouteRules,
    { exportId, recordType, ofDeleted, rows, dataKey }: ExportFacts,
    cells: (row: ExportedRow) => readonly string[],
  ): AsyncGenerator<readonly (readonly string[])[]> {
    const kind = KINDS[recordType];
    const recheck = async (who: Who): Promise<Who> => {
      const present = await this.authentication.recheck(who, rules);
      requireExport(present, kind);
      return present;
    };
    for (let firstRow = 0, who = asked; firstRow < rows;) {
      who = await recheck(who);
      const { rowCount, sealed } = await this.store.part(exportId, firstRow);
      const sealedRows = openPart(dataKey, exportId, firstRow, sealed) as readonly ExportedRow[];
      const kept = await byPresentRights(who, recheck, (present) => this.stillExported(present, kind, ofDeleted, sealedRows));
      yield kept.map(cells);
      firstRow += rowCount;
    }
  }

  private async stillExported(
    who: Who,
    kind: RecordKind,
    ofDeleted: boolean,
    rows: readonly ExportedRow[],
  ): Promise<readonly ExportedRow[]> {
    const filters = exportFilters(who.principal, kind, ofDeleted);
    const ids = rows.map(({ id }) => id);
    const { text, values } = stillExportedSql(kind, ids, ofDeleted, filters);
    const [found] = await this.database.query<{ ids: string[]; authz_version: number }>(undefined, text, values);
    requireSameRights(who, found?.authz_version);
    const still = new Set(found?.ids);
    return rows.filter(({ id }) => still.has(id));
  }
}
