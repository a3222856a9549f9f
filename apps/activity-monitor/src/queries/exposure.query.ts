import { sql, type Kysely, type RawBuilder } from 'kysely';
import { z } from 'zod';
import type { exposureQuerySchema, ExposureReply, ExposureRow } from '#contracts';
import { DomainError } from '#kernel';

type ExposureQuery = z.output<typeof exposureQuerySchema>;

/** A place in the ledger; the time is exact to the microsecond. */
interface Position {
  readonly at: string;
  readonly disclosureId: string;
  readonly subjectId: string;
}
interface LedgerRow {
  readonly item: ExposureRow;
  readonly position: Position;
}

/** Actions on records that show nothing; they stand in the ledger for the alarm about them. */
const SHOWS_NOTHING = ['record.deleted', 'record.reassigned'];

/**
 * The ledger of one person who looked, or of one record that was shown, newest first. `distinctSubjects` counts over the whole
 * period. Throws DomainError `malformed-request` unless exactly one of the two is given, `invalid-cursor`.
 */
export async function queryExposure(db: Kysely<unknown>, query: ExposureQuery): Promise<ExposureReply> {
  if ((query.userId === null) === (query.subjectId === null)) throw new DomainError('malformed-request');
  const whose = query.userId === null ? sql`subject_id = ${query.subjectId}` : sql`user_id = ${query.userId}`;
  const period = sql`${whose} AND measure <> ALL (${SHOWS_NOTHING})
    AND at >= coalesce(${query.from}::timestamptz, '-infinity') AND at < coalesce(${query.to}::timestamptz, 'infinity')`;
  const rows = await ledgerRows(db, period, query);
  const { rows: totals } = await sql<{ count: number }>`
    SELECT count(DISTINCT subject_id)::integer AS count FROM monitor.exposure WHERE ${period}`.execute(db);
  const last = rows.length > query.limit ? rows[query.limit - 1] : undefined;
  return {
    ok: true,
    items: rows.slice(0, query.limit).map(({ item }) => item),
    distinctSubjects: totals[0]?.count ?? 0,
    nextCursor: last === undefined ? null : cursorOf(last.position),
  };
}

async function ledgerRows(db: Kysely<unknown>, period: RawBuilder<unknown>, query: ExposureQuery): Promise<LedgerRow[]> {
  const position = query.cursor === null ? undefined : positionOf(query.cursor);
  const older =
    position === undefined
      ? sql`true`
      : sql`(at, disclosure_id, subject_id) < (${position.at}::timestamptz, ${position.disclosureId}::uuid, ${position.subjectId}::uuid)`;
  const { rows } = await sql<Omit<ExposureRow, 'at'> & { at: Date; exactAt: string; disclosureId: string }>`
    SELECT at, user_id AS "userId", subject_type AS "subjectType", subject_id AS "subjectId", kind, masked, ip,
      session_id AS "sessionId", watch.iso(at) AS "exactAt", disclosure_id AS "disclosureId"
    FROM monitor.exposure WHERE ${period} AND ${older}
    ORDER BY at DESC, disclosure_id DESC, subject_id DESC LIMIT ${query.limit + 1}`.execute(db);
  return rows.map(({ exactAt, disclosureId, at, ...row }) => ({
    item: { ...row, at: at.toISOString() },
    position: { at: exactAt, disclosureId, subjectId: row.subjectId },
  }));
}

const positionSchema = z.tuple([z.iso.datetime(), z.uuid(), z.uuid()]);

function cursorOf({ at, disclosureId, subjectId }: Position): string {
  return Buffer.from([at, disclosureId, subjectId].join('|')).toString('base64url');
}

function positionOf(cursor: string): Position {
  const parsed = positionSchema.safeParse(Buffer.from(cursor, 'base64url').toString('utf8').split('|'));
  if (!parsed.success) throw new DomainError('invalid-cursor');
  const [at, disclosureId, subjectId] = parsed.data;
  return { at, disclosureId, subjectId };
}
