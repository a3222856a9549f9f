import { sql, type Kysely } from 'kysely';
import type { Logger } from '#platform';
import { recurring } from '../fold/recurring.js';

/** Months made before they come: what is folded never waits for one. */
const MONTHS_AHEAD = 3;
const LOOK_EVERY_MS = 3_600_000;

export interface LedgerMonthsOptions {
  readonly db: Kysely<unknown>;
  /** Full months that are kept; older ones are dropped whole. */
  readonly retentionMonths: number;
  readonly logger: Logger;
}

/** Looks at once and then every hour until the signal aborts. Any number of instances may do so. Resolves after the last look. */
export function keepLedgerMonths(options: LedgerMonthsOptions, signal: AbortSignal): Promise<void> {
  const { logger } = options;
  const look = async (): Promise<void> => {
    const dropped = await turnLedgerMonths(options);
    if (dropped.length > 0) logger.info('months of the ledger were kept long enough and are gone', { months: dropped });
  };
  return recurring(look, LOOK_EVERY_MS, signal, (error) => logger.warn('months of the ledger wait', { error })).ended;
}

/** Makes the months to come and drops those that are past keeping; gives the names of the dropped ones. By the database's clock. */
export async function turnLedgerMonths({ db, retentionMonths }: Omit<LedgerMonthsOptions, 'logger'>): Promise<readonly string[]> {
  const month = sql`date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC')`;
  for (let ahead = 0; ahead <= MONTHS_AHEAD; ahead += 1) {
    await sql`SELECT monitor.ensure_exposure_partition((${month} + ${`${ahead} months`}::interval) AT TIME ZONE 'UTC')`.execute(
      db,
    );
  }
  const { rows } = await sql<{ name: string }>`
    SELECT d.name FROM monitor.drop_exposure_before(
      (${month} - ${`${retentionMonths} months`}::interval) AT TIME ZONE 'UTC') AS d(name)`.execute(db);
  return rows.map(({ name }) => name);
}
