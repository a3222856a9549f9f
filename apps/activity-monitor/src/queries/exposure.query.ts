import { sql, type Kysely, type RawBuilder, type Transaction } from 'kysely';
import { z } from 'zod';
import type { exposureQuerySchema, ExposureReply, ExposureRow } from '#contracts';
import { DomainError, isInstant } from '#kernel';

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
interface Counts {
  readonly subjects: number;
  readonly users: number;
}

/** Acts on records show nothing; they stand in the ledger for the alarm about them. Word for word the condition of its indexes. */
const SHOWN = sql`kind <> ALL ('{deletion,reassignment}')`;
/** A count over millions of rows is broken off before whoever asked has given up. */
const MOST_MS = 4_500;

/**
 * The ledger of a person who looked, of a record that was shown, of both, or of a period alone; newest first. Distinct subjects and
 * people are counted over the whole period, exactly. Throws DomainError `malformed-request` when neither of the two and no whole
 * period is given, `invalid-cursor`.
 */
export async function queryExposure(db: Kysely<unknown>, query: ExposureQuery): Promise<ExposureReply> {
  const { userId, subjectId, from, to, limit } = query;
  if (userId === null && subjectId === null && (from === null || to === null)) throw new DomainError('malformed-request');
  const position = query.cursor === null ? null : positionOf(query.cursor);
  return db.transaction().execute(async (trx) => {
    // An index serves each of these; a plan that reads a whole month instead is one made of statistics that are behind.
    await sql`SELECT set_config('enable_seqscan', ${userId === null && subjectId === null ? 'on' : 'off'}, true),
      set_config('statement_timeout', ${String(MOST_MS)}, true)`.execute(trx);
    const rows = await ledgerRows(trx, query, position);
    const { subjects, users } = query.counted ? await countsOf(trx, query) : { subjects: 0, users: 0 };
    const last = rows.length > limit ? rows[limit - 1] : undefined;
    return {
      ok: true,
      items: rows.slice(0, limit).map(({ item }) => item),
      distinctSubjects: subjects,
      distinctUsers: users,
      nextCursor: last === undefined ? null : cursorOf(last.position),
    };
  });
}

function periodOf({ userId, subjectId, from, to }: ExposureQuery): RawBuilder<unknown> {
  const conditions = [SHOWN];
  if (userId !== null) conditions.push(sql`user_id = ${userId}::uuid`);
  if (subjectId !== null) conditions.push(sql`subject_id = ${subjectId}::uuid`);
  if (from !== null) conditions.push(sql`at >= ${from}::timestamptz`);
  if (to !== null) conditions.push(sql`at < ${to}::timestamptz`);
  return sql.join(conditions, sql` AND `);
}

async function ledgerRows(trx: Transaction<unknown>, query: ExposureQuery, position: Position | null): Promise<LedgerRow[]> {
  // `at <=` is told twice: by it whole months are left out.
  const older =
    position === null
      ? sql`true`
      : sql`at <= ${position.at}::timestamptz
          AND (at, disclosure_id, subject_id) < (${position.at}::timestamptz, ${position.disclosureId}::uuid, ${position.subjectId}::uuid)`;
  const { rows } = await sql<Omit<ExposureRow, 'at'> & { at: Date; exactAt: string; disclosureId: string }>`
    SELECT at, user_id AS "userId", subject_type AS "subjectType", subject_id AS "subjectId", kind, masked, ip,
      session_id AS "sessionId", token_id AS "tokenId", watch.iso(at) AS "exactAt", disclosure_id AS "disclosureId"
    FROM monitor.exposure WHERE ${periodOf(query)} AND ${older}
    ORDER BY at DESC, disclosure_id DESC, subject_id DESC LIMIT ${query.limit + 1}`.execute(trx);
  return rows.map(({ exactAt, disclosureId, at, ...row }) => ({
    item: { ...row, at: at.toISOString() },
    position: { at: exactAt, disclosureId, subjectId: row.subjectId },
  }));
}

/** Of a person his subjects, of a record its viewers; the other count is one or none. */
async function countsOf(trx: Transaction<unknown>, query: ExposureQuery): Promise<Counts> {
  const count = (column: RawBuilder<unknown>, isGiven: boolean): RawBuilder<unknown> =>
    isGiven ? sql`least(count(*), 1)::integer` : sql`count(DISTINCT ${column})::integer`;
  const { rows } = await sql<Counts>`
    SELECT ${count(sql`subject_id`, query.subjectId !== null)} AS subjects, ${count(sql`user_id`, query.userId !== null)} AS users
    FROM monitor.exposure WHERE ${periodOf(query)}`.execute(trx);
  return rows[0] ?? { subjects: 0, users: 0 };
}

const positionSchema = z.tuple([z.iso.datetime().refine(isInstant), z.uuid(), z.uuid()]);

function cursorOf({ at, disclosureId, subjectId }: Position): string {
  return Buffer.from([at, disclosureId, subjectId].join('|')).toString('base64url');
}

function positionOf(cursor: string): Position {
  const parsed = positionSchema.safeParse(Buffer.from(cursor, 'base64url').toString('utf8').split('|'));
  if (!parsed.success) throw new DomainError('invalid-cursor');
  const [at, disclosureId, subjectId] = parsed.data;
  return { at, disclosureId, subjectId };
}
