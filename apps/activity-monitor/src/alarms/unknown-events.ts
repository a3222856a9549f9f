import { sql, type Transaction } from 'kysely';
import { raiseAlarms } from './alarm-store.js';

/**
 * Raises `records.differ` about messages that tell of events which the disclosure log does not have: once in an hour of the database's,
 * however many there are. They were published by somebody who is no gate, or the database was restored to before them.
 */
export async function raiseUnknownEvents(trx: Transaction<unknown>, events: number): Promise<void> {
  const { rows } = await sql<{ at: string; hour: string }>`
    SELECT watch.iso(n.now) AS at, watch.iso(date_trunc('hour', n.now, 'UTC')) AS hour FROM (SELECT clock_timestamp() AS now) AS n`.execute(
    trx,
  );
  const [now] = rows;
  if (now === undefined) throw new Error('the clock was not read');
  const message = `The broker told of ${events} views that the disclosure log does not have; nothing was counted of them.`;
  await raiseAlarms(trx, [
    {
      key: `records.differ|unknown|${now.hour}`,
      alarm: { type: 'records.differ', severity: 'critical', at: now.at, userId: null, message },
    },
  ]);
}
