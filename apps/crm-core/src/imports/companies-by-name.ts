import type { Pool } from 'pg';
import { decide, type Principal } from '#policy';

/** Looks at so many companies of one name for one that the importer may see. */
const MOST_OF_A_NAME = 100;

interface CompanyRow {
  id: string;
  responsible_id: string | null;
}

/** Companies as the lines of an import name them. */
export class CompaniesByName {
  constructor(private readonly pool: Pool) {}

  /**
   * The company that this import made of the name (its id is `ownId`), else the one made first of those of the name that the person may
   * see; null for none. What he may not see is no input: it is the same to him whether there is one. Names are compared as read models have
   * them, numbers in them masked, in any case of letters.
   */
  async find(principal: Principal, maskedName: string, ownId: string): Promise<string | null> {
    const { rows } = await this.pool.query<CompanyRow>({
      name: 'companies of a name',
      text: `SELECT id, responsible_id FROM read.companies WHERE id = $2
             UNION ALL (SELECT id, responsible_id FROM read.companies WHERE lower(name) = lower($1) AND deleted_at IS NULL
                        ORDER BY id LIMIT ${MOST_OF_A_NAME})`,
      values: [maskedName, ownId],
    });
    if (rows.some(({ id }) => id === ownId)) return ownId;
    const visible = rows.filter((row) => decide(principal, 'company', 'view', { responsibleId: row.responsible_id }).allowed);
    // Ids are made in the order of time.
    return visible.map(({ id }) => id).sort()[0] ?? null;
  }
}
