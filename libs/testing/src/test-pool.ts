import pg from 'pg';

/**
 * A pool of at most so many connections (4). A connection on its way out may yet meet the end of its database; without a listener that would
 * fail the test.
 */
export function testPool(connectionString: string, max = 4): pg.Pool {
  const pool = new pg.Pool({ connectionString, max });
  pool.on('error', () => undefined);
  return pool;
}
