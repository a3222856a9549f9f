import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withClient } from './database-roles.js';
import { guardDefinitions } from './definitions-guard.js';
import { logTail, startChild } from './servers/child.js';
import { SERVICES } from './service-names.js';
import { migrationOf, type ServiceContext } from './services.js';

/**
 * Runs the migrations of each service in its role, one after the other (a later one may build on what an earlier one granted), then sees to it
 * that nobody else defines anything. A database that this very build has migrated is left alone: three runtimes that find nothing to do take seconds of each start.
 * Throws with the end of the log when one fails.
 */
export async function runMigrations(context: ServiceContext, isStopping: () => boolean): Promise<void> {
  const build = buildStamp(context.builtFolder);
  const superuser = context.connections.database.superuser;
  await applyMissing(context, superuser, build, isStopping);
  if (!isStopping()) await guardDefinitions(superuser);
}

async function applyMissing(
  context: ServiceContext,
  superuser: string,
  build: string | undefined,
  isStopping: () => boolean,
): Promise<void> {
  if (build !== undefined && (await lastMigratedBy(superuser)) === build) return;
  for (const service of SERVICES) {
    if (isStopping()) return;
    await migrate(service, context);
  }
  if (build !== undefined) await noteMigratedBy(superuser, build);
}

async function migrate(service: (typeof SERVICES)[number], context: ServiceContext): Promise<void> {
  const migration = migrationOf(service, context);
  if (migration === undefined) return;
  const logFile = join(context.config.dataDir, 'logs', `${service}-migrate.log`);
  const args = ['--enable-source-maps', migration.entry];
  const child = await startChild({ command: process.execPath, args, env: migration.env, logFile });
  const how = await child.ended;
  if (how !== 'exit code 0')
    throw new Error(`the migrations of ${service} failed (${how}); the end of ${logFile}:\n${logTail(logFile)}`);
}

/** Identifies the sources that `dist` was built from; undefined when it was built by hand. */
function buildStamp(builtFolder: string): string | undefined {
  const file = join(builtFolder, '.sources');
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** The note lies in the database, so that a restored older one brings its own and is migrated. */
async function lastMigratedBy(superuserUrl: string): Promise<string | undefined> {
  return withClient(superuserUrl, async (client) => {
    const { rows } = await client.query<{ there: boolean }>(`SELECT to_regclass('deploy.migrated') IS NOT NULL AS there`);
    if (rows[0]?.there !== true) return undefined;
    return (await client.query<{ build: string }>('SELECT build FROM deploy.migrated')).rows[0]?.build;
  });
}

async function noteMigratedBy(superuserUrl: string, build: string): Promise<void> {
  await withClient(superuserUrl, async (client) => {
    await client.query('CREATE SCHEMA IF NOT EXISTS deploy; CREATE TABLE IF NOT EXISTS deploy.migrated (build text NOT NULL)');
    await client.query('WITH gone AS (DELETE FROM deploy.migrated) INSERT INTO deploy.migrated VALUES ($1)', [build]);
  });
}
