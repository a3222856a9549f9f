import { Kysely, Migrator, PostgresDialect, type Migration } from 'kysely';
import pg from 'pg';
import type { Secret } from '#kernel';
import { exitOnConfigError, readConfig, setting } from './config.js';
import { createLogger, type Logger } from './logging.js';
import { z } from 'zod';

const LOCK_TIMEOUT_MS = 30_000;

export interface MigrationOptions {
  readonly databaseUrl: Secret<string>;
  /** Where the tables `migrations` and `migrations_lock` lie; made when missing. */
  readonly schema: string;
  /** By name; run once each, in the order of their names. Never rename or change one that was released. */
  readonly migrations: Readonly<Record<string, Migration>>;
}

/**
 * Brings the database up to date and returns the names that were run now. Several at once wait for each other (30 s at most).
 * A failing migration undoes all of this run and is thrown.
 */
export async function runMigrations({ databaseUrl, schema, migrations }: MigrationOptions): Promise<string[]> {
  const pool = new pg.Pool({
    connectionString: databaseUrl.expose(),
    max: 2,
    application_name: `migrations-${schema}`,
    connectionTimeoutMillis: 5_000,
    lock_timeout: LOCK_TIMEOUT_MS,
  });
  pool.on('error', () => undefined);
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    const migrator = new Migrator({
      db,
      provider: { getMigrations: () => Promise.resolve({ ...migrations }) },
      migrationTableSchema: schema,
      migrationTableName: 'migrations',
      migrationLockTableName: 'migrations_lock',
    });
    const { error, results } = await migrator.migrateToLatest();
    if (error !== undefined) throw error;
    return (results ?? []).map((result) => result.migrationName);
  } finally {
    await db.destroy();
  }
}

/**
 * The whole of an app's `migrate.ts`: runs its migrations on PALISADE_DATABASE_URL, logs each and sets the exit code (1: failed).
 */
export async function migrationMain(
  options: Omit<MigrationOptions, 'databaseUrl'> & { readonly service: string },
): Promise<void> {
  const schema = z.object({ PALISADE_DATABASE_URL: setting.secretUrl('postgres', 'postgresql') });
  const config = exitOnConfigError(() => readConfig(schema, process.env));
  const logger: Logger = createLogger({ service: options.service, instance: 'migrate', level: 'info' });
  try {
    const names = await runMigrations({ ...options, databaseUrl: config.PALISADE_DATABASE_URL });
    for (const migration of names) logger.info('migrated', { schema: options.schema, migration });
  } catch (error) {
    logger.fatal('migration failed', { schema: options.schema, error });
    process.exitCode = 1;
  }
}
