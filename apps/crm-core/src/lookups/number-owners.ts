import type { Pool } from 'pg';
import type { Secret } from '#kernel';
import type { PointOwner } from '#contracts';
import type { RecordFilter } from '#policy';
import type { CrmLog } from '../log/crm-log.js';

/** A live record with the number, and the phone that has it. */
export interface NumberOwner {
  readonly type: PointOwner;
  readonly id: string;
  readonly phoneId: string;
}
export type OwnerFilters = Readonly<Record<PointOwner, RecordFilter>>;

/** One number of so many records is no mark of anybody; beyond these nobody looks. */
const MOST_OWNERS = 200;

/**
 * The policy is part of the statement: what may not be seen is not read out of the database, and a number of nobody and one of
 * somebody out of sight take the same statement, answer and time.
 */
const OWNERS_SQL = `
  SELECT DISTINCT ON (p.record_type, p.record_id) p.record_type AS type, p.record_id AS id, p.id AS "phoneId"
  FROM vault.points AS p
  LEFT JOIN read.contacts AS c ON p.record_type = 'contact' AND c.id = p.record_id AND c.deleted_at IS NULL
  LEFT JOIN read.companies AS o ON p.record_type = 'company' AND o.id = p.record_id AND o.deleted_at IS NULL
  WHERE p.blind_index = $1 AND p.kind = 'phone'
    AND ((c.id IS NOT NULL AND ($2 OR c.responsible_id = ANY($3::uuid[])))
      OR (o.id IS NOT NULL AND ($4 OR o.responsible_id = ANY($5::uuid[]))))
  ORDER BY p.record_type, p.record_id, p.id LIMIT ${MOST_OWNERS}`;

/** Finds records by a complete number: its keyed hash is compared, the number itself is in no statement. */
export class NumberOwners {
  constructor(
    private readonly pool: Pool,
    private readonly log: CrmLog,
  ) {}

  /** Those of the owners of the number (E.164) that the filters let through, 200 at most. */
  async find(number: Secret<string>, filters: OwnerFilters): Promise<readonly NumberOwner[]> {
    const result = await this.pool.query<NumberOwner>({
      name: 'owners of number',
      text: OWNERS_SQL,
      values: [
        this.log.lookupValue('phone', number.expose()),
        ...[filters.contact, filters.company].flatMap((filter) => [
          filter.kind === 'everything',
          filter.kind === 'responsible' ? filter.userIds : [],
        ]),
      ],
    });
    return result.rows;
  }
}
