import type { RecordType } from '#policy';
import type { GatewayDatabase } from '../database/gateway-database.js';
import type { PresentRecord, RecordChange } from './record-change.js';

interface Row {
  authz_version: number;
  id: string | null;
  responsible_id: string | null;
  standing: PresentRecord['standing'];
  attributed: boolean;
}

/** Whose the records are at this moment, each found by its key; and under which version of rights. One snapshot. */
const PRESENT_SQL = `
  SELECT s.authz_version, found.id, found.responsible_id, found.standing, found.attributed
  FROM read.security AS s LEFT JOIN (
    SELECT id, responsible_id, CASE WHEN deleted_at IS NULL THEN 'live' ELSE 'deleted' END AS standing, false AS attributed
      FROM read.contacts WHERE id = ANY($1::uuid[])
    UNION ALL SELECT contact_id, responsible_id, 'erased', false FROM read.erasures WHERE contact_id = ANY($1::uuid[])
    UNION ALL SELECT id, responsible_id, CASE WHEN deleted_at IS NULL THEN 'live' ELSE 'deleted' END, false
      FROM read.companies WHERE id = ANY($2::uuid[])
    UNION ALL SELECT id, responsible_id, CASE WHEN deleted_at IS NULL THEN 'live' ELSE 'deleted' END,
        EXISTS (SELECT FROM read.deal_attributions AS a WHERE a.deal_id = r.id)
      FROM read.deals AS r WHERE id = ANY($3::uuid[])
  ) AS found ON true`;

export interface Present {
  readonly authzVersion: number;
  readonly records: ReadonlyMap<string, PresentRecord>;
}

/** The records that the changes are of, as they are now. Throws `dependency-unavailable` when the database does not answer. */
export async function presentRecords(
  database: Pick<GatewayDatabase, 'query'>,
  changes: Iterable<Pick<RecordChange, 'recordType' | 'message'>>,
): Promise<Present> {
  const ids: Readonly<Record<RecordType, Set<string>>> = { contact: new Set(), company: new Set(), deal: new Set() };
  for (const { recordType, message } of changes) ids[recordType].add(message.id);
  const values = [ids.contact, ids.company, ids.deal].map((set) => [...set]);
  const rows = await database.query<Row & Record<string, unknown>>('present-records', PRESENT_SQL, values);
  const records = rows.flatMap(({ id, responsible_id: responsibleId, standing, attributed: hasAttribution }) =>
    id === null ? [] : [[id, { responsibleId, standing, hasAttribution }] as const],
  );
  return { authzVersion: rows[0]?.authz_version ?? -1, records: new Map(records) };
}
