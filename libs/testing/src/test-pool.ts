import pg from 'pg';

/** Of pools that specs make as services do: parts that many use at once wait for a connection on a machine that has much to do. */
export const CONNECT_PATIENTLY = { connectWithinMs: 20_000 };

/**
 * A pool of at most so many connections (4). A connection on its way out may yet meet the end of its database; without a listener that would
 * fail the test.
 */
export function testPool(connectionString: string, max = 4): pg.Pool {
  const pool = new pg.Pool({ connectionString, max });
  pool.on('error', () => undefined);
  return pool;
}
