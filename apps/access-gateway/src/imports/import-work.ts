import { sql } from 'kysely';
import { v7 as uuidv7 } from 'uuid';
import { DomainError } from '#kernel';
import type { Caller, ImportReply, RefusedLine } from '#contracts';
import type { AuditTrail } from '../accounts/audit-trail.js';
import type { CoreClient } from '../core/core-client.js';
import type { GatewayDatabase } from '../database/gateway-database.js';
import type { PartOutcome, PartWork } from '../part-work/part-worker.js';
import { NAMED_LINES } from './import-store.js';

/** Core takes a part of 50 lines in less than a second; a part whose answer is late comes again and finds what was taken. */
const PART_DEADLINE_MS = 5_000;
/** A gateway that says nothing for so long is taken for dead, and another one goes on. */
const LEASE = '30 seconds';
/** A key that stands for an import (Idempotency-Key) is kept so long; its lines are gone when it ends. */
const REMEMBERED_FOR = '7 days';
/** Core or broker are away, or the part runs there: it is left for the next look. */
const LATER: ReadonlySet<string> = new Set(['dependency-unavailable', 'idempotency-in-progress']);

export interface ImportClaim {
  readonly importId: string;
  readonly claims: number;
}

interface DueRow {
  readonly user_id: string;
  readonly session_id: string | null;
  readonly token_id: string | null;
  readonly ip: string;
  readonly is_in: boolean;
  readonly part: number | null;
  readonly row_count: number | null;
  readonly command_id: string | null;
  readonly sealed: string | null;
}
interface Part {
  readonly number: number;
  readonly rowCount: number;
  readonly commandId: string;
  readonly sealed: string;
}

/** The work at imports: any gateway may do any of it at any time, for core takes a line once. */
export class ImportWork implements PartWork<ImportClaim> {
  constructor(
    private readonly database: GatewayDatabase,
    private readonly core: CoreClient,
    private readonly audit: AuditTrail,
  ) {}

  async claim(): Promise<ImportClaim | null> {
    const { rows } = await sql<{ id: string; claims: number }>`
      UPDATE access.imports SET state = 'running', claims = claims + 1, lease_until = clock_timestamp() + ${sql.lit(LEASE)}::interval
      WHERE id = (
        SELECT id FROM access.imports WHERE state = 'queued' OR (state = 'running' AND lease_until < clock_timestamp())
        ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
      RETURNING id, claims`.execute(this.database.db);
    const [row] = rows;
    return row === undefined ? null : { importId: row.id, claims: row.claims };
  }

  /** Lets core take the next lines, by the rights that the importer has then. Throws when core is away: the work waits for the next look. */
  async doPart(claim: ImportClaim): Promise<PartOutcome> {
    const due = await this.due(claim);
    if (due === undefined) return 'over';
    const part = partOf(due);
    if (!due.is_in) return this.end(claim, due, 'cancelled');
    if (part === null) return this.end(claim, due, 'done');
    try {
      await this.note(claim, part, await this.send(claim, due, part));
      return 'more';
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      // Whoever is deactivated in these moments was told so by core.
      if (!LATER.has(error.code)) return this.end(claim, due, error.code === 'unauthenticated' ? 'cancelled' : 'failed');
      await this.release(claim);
      throw new DomainError('dependency-unavailable', { retryAfterSeconds: 1 });
    }
  }

  async fail(claim: ImportClaim): Promise<void> {
    const due = await this.due(claim);
    if (due !== undefined) await this.end(claim, due, 'failed');
  }

  async tidy(): Promise<void> {
    const { db } = this.database;
    await sql`
      UPDATE access.imports AS i SET state = 'cancelled', finished_at = clock_timestamp()
      FROM read.principals AS p
      WHERE i.state IN ('queued', 'running') AND p.user_id = i.user_id
        AND (p.status <> 'active' OR p.epoch <> i.epoch OR watch.is_held(i.user_id))`.execute(db);
    await sql`
      DELETE FROM access.import_parts AS p USING access.imports AS i
      WHERE i.id = p.import_id AND i.state NOT IN ('queued', 'running')`.execute(db);
    await sql`
      DELETE FROM access.imports
      WHERE state NOT IN ('queued', 'running') AND created_at < clock_timestamp() - ${sql.lit(REMEMBERED_FOR)}::interval`.execute(
      db,
    );
  }

  /** The first part that core has not judged, with the standing of the importer; undefined when the work is not this gateway's any more. */
  private async due({ importId, claims }: ImportClaim): Promise<DueRow | undefined> {
    const { rows } = await sql<DueRow>`
      SELECT i.user_id, i.session_id, i.token_id, i.ip, part.part, part.row_count, part.command_id, part.sealed,
             coalesce(p.status = 'active' AND p.epoch = i.epoch AND NOT watch.is_held(i.user_id), false) AS is_in
      FROM access.imports AS i LEFT JOIN read.principals AS p ON p.user_id = i.user_id
      LEFT JOIN LATERAL (SELECT * FROM access.import_parts WHERE import_id = i.id ORDER BY part LIMIT 1) AS part ON true
      WHERE i.id = ${importId} AND i.claims = ${claims} AND i.state = 'running'`.execute(this.database.db);
    return rows[0];
  }

  private async send({ importId }: ImportClaim, due: DueRow, part: Part): Promise<readonly RefusedLine[]> {
    const caller: Caller = { userId: due.user_id, sessionId: due.session_id, tokenId: due.token_id, ip: due.ip };
    const sealed = { commandId: part.commandId, targetId: importId, body: part.sealed, deadlineMs: PART_DEADLINE_MS };
    const reply = await this.core.sendSealed<ImportReply>('ImportContacts', { requestId: uuidv7(), caller }, sealed);
    return reply.refused;
  }

  /** Whoever deletes the part counts it: of two gateways at it only one. */
  private async note({ importId }: ImportClaim, part: Part, refused: readonly RefusedLine[]): Promise<void> {
    await sql`
      WITH judged AS (DELETE FROM access.import_parts WHERE import_id = ${importId} AND part = ${part.number} RETURNING row_count)
      UPDATE access.imports SET
        done = done + judged.row_count, refused = refused + ${refused.length}::int,
        refused_lines = CASE WHEN jsonb_array_length(refused_lines) < ${NAMED_LINES}::int
                             THEN refused_lines || ${JSON.stringify(refused)}::jsonb ELSE refused_lines END,
        lease_until = clock_timestamp() + ${sql.lit(LEASE)}::interval
      FROM judged WHERE id = ${importId}`.execute(this.database.db);
  }

  private async release({ importId, claims }: ImportClaim): Promise<void> {
    await sql`UPDATE access.imports SET state = 'queued', lease_until = NULL
              WHERE id = ${importId} AND claims = ${claims} AND state = 'running'`.execute(this.database.db);
  }

  private async end({ importId, claims }: ImportClaim, due: DueRow, state: 'done' | 'failed' | 'cancelled'): Promise<'over'> {
    await this.database.transaction(async (trx) => {
      const ended = await trx
        .updateTable('access.imports')
        .set({ state, finished_at: sql<Date>`clock_timestamp()` })
        .where('id', '=', importId)
        .where('claims', '=', claims)
        .where('state', '=', 'running')
        .returning(['rows', 'done', 'refused'])
        .executeTakeFirst();
      if (ended === undefined) return;
      await trx.deleteFrom('access.import_parts').where('import_id', '=', importId).execute();
      const details = { importId, state, ...ended };
      await this.audit.record(trx, 'import.ended', { actorId: due.user_id, ip: due.ip, details });
    });
    return 'over';
  }
}

function partOf({ part, row_count: rowCount, command_id: commandId, sealed }: DueRow): Part | null {
  if (part === null || rowCount === null || commandId === null || sealed === null) return null;
  return { number: part, rowCount, commandId, sealed };
}
