import { testDatabase, type TestDatabase } from '#testing';
import { migrationUrl, withClient, type DatabaseRole } from './database-roles.js';

const DENIED = { code: '42501' };
const BODY = `RETURNS text LANGUAGE sql AS 'SELECT current_user::text'`;

describe('a login of a service', () => {
  let database: TestDatabase;
  const urls = (): Record<DatabaseRole, string> => ({
    ...{ core: database.coreUrl, gateway: database.gatewayUrl, monitor: database.monitorUrl },
  });
  const run = (role: DatabaseRole, sql: string): Promise<unknown> =>
    withClient(urls()[role], (client) => client.query(`BEGIN; ${sql}; ROLLBACK`));

  beforeAll(async () => {
    database = await testDatabase();
  });
  afterAll(() => database.drop());

  it.each<[DatabaseRole, string]>([
    // Core reads access.audit: what stood in its place would run with core's rights.
    ['gateway', 'CREATE VIEW access.planted AS SELECT 1 AS x'],
    ['gateway', `CREATE FUNCTION access.planted() ${BODY}`],
    ['gateway', 'ALTER TABLE access.audit RENAME TO away'],
    ['gateway', 'ALTER TABLE access.audit ENABLE ROW LEVEL SECURITY'],
    ['gateway', 'DROP TABLE access.webhooks CASCADE'],
    ['gateway', 'GRANT SELECT ON access.credentials TO palisade_monitor'],
    // Core and gateway call watch.is_held, the gateway reads watch.outbox.
    ['monitor', `CREATE OR REPLACE FUNCTION watch.is_held(p_user_id uuid) RETURNS boolean LANGUAGE sql AS 'SELECT false'`],
    ['monitor', 'ALTER FUNCTION watch.is_held(uuid) SECURITY INVOKER'],
    ['monitor', 'DROP FUNCTION watch.is_held(uuid) CASCADE'],
    ['monitor', 'CREATE OR REPLACE VIEW watch.outbox AS SELECT 1 AS x'],
    ['monitor', 'CREATE RULE planted AS ON DELETE TO watch.disclosures DO ALSO SELECT 1'],
    ['monitor', 'GRANT ALL ON watch.disclosures TO palisade_gateway'],
    // Gateway and monitor call read.authorization_of and read read.principals.
    ['core', `CREATE FUNCTION read.planted() ${BODY}`],
    ['core', 'CREATE POLICY planted ON read.principals USING (true)'],
    ['core', `DO $$ BEGIN EXECUTE 'CREATE VIEW read.planted AS SELECT 1 AS x'; END $$`],
  ])('of %s plants nothing that others would run: %s', async (role, sql) => {
    await expect(run(role, sql)).rejects.toMatchObject(DENIED);
  });

  it.each([
    'GRANT UPDATE ON es.events TO palisade_core',
    'GRANT UPDATE (data) ON es.events TO palisade_core',
    'GRANT DELETE ON es.seals TO palisade_core',
    'ALTER TABLE es.events RENAME TO away',
    'ALTER TABLE es.events SET SCHEMA rebuild',
    'ALTER TABLE es.seals DISABLE TRIGGER ALL',
    'ALTER TABLE es.events DROP COLUMN data',
    'DROP TABLE es.seals',
    'DROP SCHEMA es CASCADE',
    'ALTER SCHEMA es RENAME TO away',
    'UPDATE es.events SET type = type',
    'TRUNCATE es.events',
    // Its rows would be read as events, and could be changed.
    'CREATE TABLE read.heir () INHERITS (es.events)',
    'CREATE TABLE read.heir (LIKE es.events INCLUDING ALL); ALTER TABLE read.heir INHERIT es.events',
    // To whom the schema is closed the table is too.
    'GRANT USAGE ON SCHEMA es TO palisade_gateway',
    'GRANT ALL ON SCHEMA vault TO PUBLIC',
  ])('of core leaves the log alone: %s', async (sql) => {
    await expect(run('core', sql)).rejects.toMatchObject(DENIED);
  });

  it.each([
    'UPDATE watch.disclosures SET amount = 0',
    'UPDATE watch.disclosures SET user_id = gen_random_uuid()',
    'DELETE FROM watch.disclosures',
    'TRUNCATE watch.disclosures',
    'UPDATE watch.refusals SET held = false',
    'DELETE FROM watch.refusals',
    'DELETE FROM watch.holds',
    'UPDATE watch.holds SET epoch = -1',
    'GRANT DELETE ON watch.holds TO palisade_monitor',
    'ALTER TABLE watch.disclosures RENAME TO away',
    'ALTER TABLE watch.disclosures SET SCHEMA monitor',
    'ALTER TABLE watch.disclosures ADD COLUMN x int',
    'DROP TABLE watch.holds',
    'DROP TABLE watch.disclosures CASCADE',
    'CREATE TABLE monitor.heir () INHERITS (watch.disclosures)',
    'CREATE TABLE watch.planted (x int)',
  ])('of monitor leaves alone what was shown: %s', async (sql) => {
    await expect(run('monitor', sql)).rejects.toMatchObject(DENIED);
  });

  it.each<[DatabaseRole, string]>([
    ['core', 'CREATE TABLE rebuild.mine (LIKE read.contacts INCLUDING ALL); GRANT SELECT ON rebuild.mine TO palisade_gateway'],
    ['core', 'CREATE TABLE rebuild.mine (x int); ALTER TABLE rebuild.mine SET SCHEMA read; DROP TABLE read.mine'],
    ['monitor', `SELECT monitor.ensure_exposure_partition('2031-05-01Z')`],
  ])('of %s keeps what it does while it runs: %s', async (role, sql) => {
    await expect(run(role, sql)).resolves.toBeDefined();
  });

  it('is not needed by migrations, which own what they make as before', async () => {
    const rows = await withClient(migrationUrl(database.superuserUrl, 'gateway'), async (client) => {
      await client.query(`BEGIN; CREATE FUNCTION access.made() ${BODY}`);
      const made = await client.query<{ owner: string }>(
        `SELECT pg_get_userbyid(proowner) AS owner FROM pg_proc WHERE proname = 'made'`,
      );
      await client.query('ROLLBACK');
      return made.rows;
    });
    expect(rows).toEqual([{ owner: 'palisade_gateway' }]);
  });
});
