import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import {
  databaseGrants,
  migrationUrl,
  roleUrls,
  setUpDatabase,
  withClient,
  withDatabase,
  type DatabaseRole,
} from '../../../deploy/src/database-roles.js';
import { guardDefinitions } from '../../../deploy/src/definitions-guard.js';
import { testServers } from './test-run.js';

/** A database of one test file: roles, schemas and all migrations, and no rows but theirs. */
export interface TestDatabase {
  readonly name: string;
  readonly superuserUrl: string;
  readonly coreUrl: string;
  readonly gatewayUrl: string;
  readonly monitorUrl: string;
  /** Ends its sessions and removes it. What is not dropped goes with the run. */
  drop(): Promise<void>;
}

/** Whose migrations a template holds: `services` the four services', `empty` nobody's (roles and empty schemas only). */
export type TemplateKind = 'services' | 'empty';

/** In the order in which `npm start` runs them. */
const MIGRATIONS: ReadonlyArray<readonly [app: string, role: DatabaseRole]> = [
  ['crm-core', 'core'],
  ['activity-monitor', 'monitor'],
  ['access-gateway', 'gateway'],
];

/** Any constant: held while a template is made, so that one process makes it and the others wait. */
const TEMPLATE_LOCK = 7_310_402;

/** A fresh database, cloned from a template that is made once per run. Takes some 50 ms, the first one a second. */
export async function testDatabase(kind: TemplateKind = 'services'): Promise<TestDatabase> {
  const { superuserUrl: serverUrl, rolePasswords } = testServers();
  const name = `test_${randomBytes(8).toString('hex')}`;
  const template = await ensureTemplate(kind);
  await withClient(serverUrl, async (client) => {
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`);
    await client.query(databaseGrants(name));
  });
  const superuserUrl = withDatabase(serverUrl, name);
  const { core, gateway, monitor } = roleUrls(superuserUrl, rolePasswords);
  return {
    ...{ name, superuserUrl, coreUrl: core, gatewayUrl: gateway, monitorUrl: monitor },
    drop: () =>
      withClient(serverUrl, async (client) => void (await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))),
  };
}

async function ensureTemplate(kind: TemplateKind): Promise<string> {
  const { superuserUrl, rolePasswords } = testServers();
  const template = `template_${kind}`;
  return withClient(superuserUrl, async (client) => {
    await client.query('SELECT pg_advisory_lock($1)', [TEMPLATE_LOCK]);
    if (await isMade(client, template)) return template;
    // A first try that failed half-way left a database that is no template yet.
    await client.query(`DROP DATABASE IF EXISTS ${template} WITH (FORCE)`);
    const urls = await setUpDatabase(superuserUrl, rolePasswords, template);
    if (kind === 'services') {
      for (const [app, role] of MIGRATIONS) await migrateAs(app, migrationUrl(urls.superuser, role));
      await guardDefinitions(urls.superuser);
    }
    await client.query(`ALTER DATABASE ${template} IS_TEMPLATE true ALLOW_CONNECTIONS false`);
    return template;
  });
}

async function isMade(client: pg.Client, template: string): Promise<boolean> {
  const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1 AND datistemplate', [template]);
  return rowCount === 1;
}

async function migrateAs(app: string, databaseUrl: string): Promise<void> {
  const migrations = join(import.meta.dirname, '..', '..', '..', 'apps', app, 'src', 'migrations', 'index.ts');
  const { migrate } = (await import(migrations)) as { migrate: (databaseUrl: string) => Promise<unknown> };
  await migrate(databaseUrl);
}
