import { join } from 'node:path';
import { logTail, startChild } from './servers/child.js';
import { migrationOf, SERVICES, type ServiceContext } from './services.js';

/**
 * Runs the migrations of each service as that service, one after the other: a later one may build on what an earlier one granted.
 * Throws with the end of the log when one fails.
 */
export async function runMigrations(context: ServiceContext, isStopping: () => boolean): Promise<void> {
  for (const service of SERVICES) {
    const migration = migrationOf(service, context);
    if (migration === undefined || isStopping()) continue;
    const logFile = join(context.config.dataDir, 'logs', `${service}-migrate.log`);
    const args = ['--enable-source-maps', migration.entry];
    const child = await startChild({ command: process.execPath, args, env: migration.env, logFile });
    const how = await child.ended;
    if (how !== 'exit code 0')
      throw new Error(`the migrations of ${service} failed (${how}); the end of ${logFile}:\n${logTail(logFile)}`);
  }
}
