import pg from 'pg';
import { testDatabase, type TestDatabase } from '#testing';
import { withClient } from './database-roles.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase('empty');
  await withClient(database.superuserUrl, (client) =>
    client.query(`
      SET ROLE palisade_core; CREATE TABLE es.t (x int); CREATE TABLE vault.t (x int); CREATE TABLE read.t (x int);
      SET ROLE palisade_gateway; CREATE TABLE access.t (x int);
      SET ROLE palisade_monitor; CREATE TABLE watch.t (x int); CREATE TABLE monitor.t (x int);
      CREATE FUNCTION watch.f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
      GRANT USAGE ON SCHEMA watch TO palisade_gateway;`),
  );
});
afterAll(() => database.drop());

const urls = () => ({ core: database.coreUrl, gateway: database.gatewayUrl, monitor: database.monitorUrl });
const run = (url: string, sql: string) => withClient(url, (client) => client.query(sql));

describe('database roles', () => {
  it.each(['core', 'gateway', 'monitor'] as const)('%s reaches its own schemas and no others', async (role) => {
    const owned = { core: ['es', 'vault', 'read'], gateway: ['access'], monitor: ['watch', 'monitor'] };
    for (const schema of Object.values(owned).flat()) {
      const attempt = run(urls()[role], `SELECT * FROM ${schema}.t`);
      if (owned[role].includes(schema)) await expect(attempt).resolves.toBeDefined();
      else await expect(attempt).rejects.toMatchObject({ code: '42501' });
    }
  });

  it.each([
    ['a table in public', 'CREATE TABLE public.t (x int)'],
    ['a temporary table', 'CREATE TEMP TABLE t (x int)'],
    ['a schema', 'CREATE SCHEMA s'],
    ['a database', 'CREATE DATABASE d'],
    ['a role', 'CREATE ROLE r'],
    ['another role', 'SET ROLE postgres'],
    ['a large object', `SELECT lo_from_bytea(0, 'x')`],
    ['a file of the server', `SELECT pg_read_file('/etc/hostname')`],
    ['a program of the server', `COPY (SELECT 1) TO PROGRAM 'true'`],
  ])('nobody gets %s', async (_what, sql) => {
    for (const url of Object.values(urls())) await expect(run(url, sql)).rejects.toBeInstanceOf(pg.DatabaseError);
  });

  it('takes EXECUTE on a new function from everybody but its owner', async () => {
    await expect(run(database.gatewayUrl, 'SELECT watch.f()')).rejects.toMatchObject({ code: '42501' });
    await expect(run(database.monitorUrl, 'SELECT watch.f()')).resolves.toBeDefined();
  });

  it('refuses a wrong password', async () => {
    const url = new URL(database.coreUrl);
    url.password = 'guess';
    await expect(run(url.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
  });

  it('bounds what a session of a service may hold up', async () => {
    const { rows } = await run(
      database.gatewayUrl,
      `SELECT current_setting('statement_timeout') AS statement, current_setting('transaction_timeout') AS transaction,
              current_setting('idle_in_transaction_session_timeout') AS idle, current_setting('lock_timeout') AS lock`,
    );
    expect(rows).toEqual([{ statement: '30s', transaction: '1min', idle: '10s', lock: '10s' }]);
  });
});
