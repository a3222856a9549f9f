import { sql, type Transaction } from 'kysely';
import type { GatewaySchema } from '../database/access-schema.js';
import type { GatewayDatabase } from '../database/gateway-database.js';
import { COMPANIES, CONTACTS, DEALS, type RecordKind } from '../records/record-kind.js';
import type { RecordRow } from '../records/shown-records.js';
import type { PartOutcome, PartWork } from '../part-work/part-worker.js';
import type { Authorizations } from '../requests/authorizations.js';
import { exportedRow } from './export-columns.js';
import { sealPart, type ExportKeys } from './export-keys.js';
import { exportFilters, exportRowsSql } from './export-sql.js';
import { KEPT_FOR } from './export-store.js';
import { rawSql } from './raw-sql.js';

/** Rows of one part: a note may have 10,000 characters, so a part has some megabytes at most. */
export const PART_ROWS = 200;
/** A gateway that says nothing for so long is taken for dead, and another one goes on. */
const LEASE = '10 seconds';
/** Gateways that may die over one export; then it is no accident. */
const MOST_CLAIMS = 5;
/** A key that stands for an export (Idempotency-Key) is kept so long; its file is long gone. */
const REMEMBERED_FOR = '7 days';

export const KINDS: Readonly<Record<RecordKind['type'], RecordKind>> = { contact: CONTACTS, company: COMPANIES, deal: DEALS };

/** The right to work at an export, for as long as the lease goes on and nobody else has claimed it. */
export interface Claim {
  readonly exportId: string;
  readonly claims: number;
}

interface DueRow {
  readonly user_id: string;
  readonly record_type: RecordKind['type'];
  readonly of_deleted: boolean;
  readonly rows: number;
  readonly done: number;
  readonly ids: string[];
  readonly wrapped_key: Buffer;
  readonly is_in: boolean;
  readonly authz_version: number;
}

/** The work at exports, one statement or transaction each: any gateway may do any of it at any time. */
export class ExportWork implements PartWork<Claim> {
  constructor(
    private readonly database: GatewayDatabase,
    private readonly authorizations: Authorizations,
    private readonly keys: ExportKeys,
  ) {}

  /** The oldest export that nobody works at; null when there is none. */
  async claim(): Promise<Claim | null> {
    const { rows } = await sql<{ id: string; claims: number }>`
      UPDATE access.exports SET state = 'running', claims = claims + 1, lease_until = clock_timestamp() + ${sql.lit(LEASE)}::interval
      WHERE id = (
        SELECT id FROM access.exports WHERE state = 'queued' OR (state = 'running' AND lease_until < clock_timestamp())
        ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
      RETURNING id, claims`.execute(this.database.db);
    const [row] = rows;
    if (row === undefined) return null;
    const claim = { exportId: row.id, claims: row.claims };
    if (row.claims <= MOST_CLAIMS) return claim;
    await this.fail(claim);
    return null;
  }

  /** Writes the next rows, as their person may see them now: the rights are read anew, and what is out of reach is left out. */
  doPart(claim: Claim): Promise<PartOutcome> {
    return this.database.transaction(async (trx) => {
      const due = await this.lockDue(trx, claim);
      if (due === undefined) return 'over';
      if (!due.is_in) return this.end(trx, claim, 'cancelled');
      if (due.ids.length > 0 && !(await this.writeRows(trx, claim, due))) return 'again';
      const done = due.done + due.ids.length;
      if (done === due.rows) return this.end(trx, claim, 'done', done);
      await sql`UPDATE access.exports SET done = ${done}, lease_until = clock_timestamp() + ${sql.lit(LEASE)}::interval
                WHERE id = ${claim.exportId}`.execute(trx);
      return 'more';
    });
  }

  async fail(claim: Claim): Promise<void> {
    await sql`UPDATE access.exports SET state = 'failed', finished_at = clock_timestamp(), wrapped_key = NULL, row_ids = '{}'
              WHERE id = ${claim.exportId} AND claims = ${claim.claims} AND state = 'running'`.execute(this.database.db);
  }

  /**
   * Cancels what is of people who are held, deactivated or active anew since, ends files that are an hour old, and forgets exports of
   * more than a week ago. With its key gone a file is gone; its parts follow.
   */
  async tidy(): Promise<void> {
    const { db } = this.database;
    await sql`
      UPDATE access.exports AS e SET state = 'cancelled', finished_at = clock_timestamp(), wrapped_key = NULL, row_ids = '{}'
      FROM read.principals AS p
      WHERE e.wrapped_key IS NOT NULL AND p.user_id = e.user_id
        AND (p.status <> 'active' OR p.epoch <> e.epoch OR watch.is_held(e.user_id))`.execute(db);
    await sql`
      UPDATE access.exports SET wrapped_key = NULL, row_ids = '{}'
      WHERE wrapped_key IS NOT NULL AND finished_at < clock_timestamp() - ${sql.lit(KEPT_FOR)}::interval`.execute(db);
    await sql`
      DELETE FROM access.export_parts AS p USING access.exports AS e
      WHERE e.id = p.export_id AND e.wrapped_key IS NULL`.execute(db);
    await sql`
      DELETE FROM access.exports
      WHERE wrapped_key IS NULL AND created_at < clock_timestamp() - ${sql.lit(REMEMBERED_FOR)}::interval`.execute(db);
  }

  /** The export under its lock, with the standing of its person: undefined when it is no longer this gateway's to write. */
  private async lockDue(trx: Transaction<GatewaySchema>, { exportId, claims }: Claim): Promise<DueRow | undefined> {
    const { rows } = await sql<DueRow>`
      SELECT e.user_id, e.record_type, e.of_deleted, e.rows, e.done, e.row_ids[e.done + 1:e.done + ${PART_ROWS}] AS ids, e.wrapped_key,
             coalesce(p.status = 'active' AND p.epoch = e.epoch AND NOT watch.is_held(e.user_id), false) AS is_in, s.authz_version
      FROM access.exports AS e CROSS JOIN read.security AS s LEFT JOIN read.principals AS p ON p.user_id = e.user_id
      WHERE e.id = ${exportId} AND e.claims = ${claims} AND e.state = 'running' FOR UPDATE OF e`.execute(trx);
    return rows[0];
  }

  /** False when rights changed between: nothing of what was decided by the old ones is written. */
  private async writeRows(trx: Transaction<GatewaySchema>, { exportId }: Claim, due: DueRow): Promise<boolean> {
    const authorization = await this.authorizations.current(due.user_id, due.authz_version);
    if (authorization?.row.authzVersion !== due.authz_version) return false;
    const kind = KINDS[due.record_type];
    const filters = exportFilters(authorization.principal, kind, due.of_deleted);
    const { rows } = await rawSql<RecordRow>(exportRowsSql(kind, due.ids, due.of_deleted, filters)).execute(trx);
    const now = await trx.selectFrom('read.security').select('authz_version').executeTakeFirstOrThrow();
    if (now.authz_version !== due.authz_version) return false;
    const dataKey = this.keys.unwrap(exportId, due.wrapped_key);
    await trx
      .insertInto('access.export_parts')
      .values({
        ...{ export_id: exportId, first_row: due.done, row_count: due.ids.length },
        sealed: sealPart(dataKey, exportId, due.done, rows.map(exportedRow)),
      })
      .execute();
    return true;
  }

  private async end(trx: Transaction<GatewaySchema>, claim: Claim, state: 'done' | 'cancelled', done?: number): Promise<'over'> {
    const gone = state === 'cancelled' ? { wrapped_key: null, row_ids: [] } : {};
    await trx
      .updateTable('access.exports')
      .set({ state, finished_at: sql<Date>`clock_timestamp()`, ...gone, ...(done === undefined ? {} : { done }) })
      .where('id', '=', claim.exportId)
      .execute();
    return 'over';
  }
}
