import type { MaskedPhone } from '#contracts';
import type { RecordType } from '#policy';
import type { GatewayDatabase } from '../database/gateway-database.js';
import type { PresentRecord, RecordChange } from './record-change.js';

interface Row {
  authz_version: number;
  id: string | null;
  responsible_id: string | null;
  standing: PresentRecord['standing'];
  attributed: boolean;
  phones: readonly MaskedPhone[] | null;
}

/** Whose the records are at this moment, each found by its key; and under which version of rights. One snapshot. */
const PRESENT_SQL = `
  SELECT s.authz_version, found.id, found.responsible_id, found.standing, found.attributed, found.phones
  FROM read.security AS s LEFT JOIN (
    SELECT id, responsible_id, CASE WHEN deleted_at IS NULL THEN 'live' ELSE 'deleted' END AS standing, false AS attributed,
        CASE WHEN id = ANY($4::uuid[]) THEN phones END AS phones
      FROM read.contacts WHERE id = ANY($1::uuid[])
    UNION ALL SELECT contact_id, responsible_id, 'erased', false, NULL FROM read.erasures WHERE contact_id = ANY($1::uuid[])
    UNION ALL SELECT id, responsible_id, CASE WHEN deleted_at IS NULL THEN 'live' ELSE 'deleted' END, false,
        CASE WHEN id = ANY($4::uuid[]) THEN phones END
      FROM read.companies WHERE id = ANY($2::uuid[])
    UNION ALL SELECT id, responsible_id, CASE WHEN deleted_at IS NULL THEN 'live' ELSE 'deleted' END,
        EXISTS (SELECT FROM read.deal_attributions AS a WHERE a.deal_id = r.id), NULL
      FROM read.deals AS r WHERE id = ANY($3::uuid[])
  ) AS found ON true`;

export interface Present {
  readonly authzVersion: number;
  readonly records: ReadonlyMap<string, PresentRecord>;
}

/** The records that the changes are of, as they are now. Throws `dependency-unavailable` when the database does not answer. */
export async function presentRecords(
  database: Pick<GatewayDatabase, 'query'>,
  changes: Iterable<Pick<RecordChange, 'recordType' | 'message' | 'ringing'>>,
): Promise<Present> {
  const ids: Readonly<Record<RecordType, Set<string>>> = { contact: new Set(), company: new Set(), deal: new Set() };
  const calling = new Set<string>();
  for (const { recordType, message, ringing } of changes) {
    ids[recordType].add(message.id);
    if (ringing !== undefined) calling.add(message.id);
  }
  const values = [ids.contact, ids.company, ids.deal, calling].map((set) => [...set]);
  const rows = await database.query<Row & Record<string, unknown>>('present-records', PRESENT_SQL, values);
  const records = rows.flatMap(({ id, responsible_id: responsibleId, standing, attributed: hasAttribution, phones }) => {
    const masks = new Map((phones ?? []).map((phone) => [phone.id, phone.masked]));
    return id === null ? [] : [[id, { responsibleId, standing, hasAttribution, masks }] as const];
  });
  return { authzVersion: rows[0]?.authz_version ?? -1, records: new Map(records) };
}
