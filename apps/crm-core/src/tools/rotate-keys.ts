import pg from 'pg';
import { exitOnConfigError, readConfig } from '#platform';
import { coreConfigSchema } from '../config.js';
import { rotateKeys } from '../log/key-rotation.js';

/** `npm run rotate-keys`: every data key is wrapped with a new key-encryption key while everything runs. Cut short, run it again. */
async function main(): Promise<void> {
  const config = exitOnConfigError(() => readConfig(coreConfigSchema, process.env));
  const client = new pg.Client({
    connectionString: config.databaseUrl.expose(),
    application_name: 'rotate-keys',
    keepAlive: true,
  });
  let broken: Error | undefined;
  client.on('error', (error) => (broken = error));
  await client.connect();
  try {
    await rotateKeys(client, config, (line) => process.stdout.write(`${line}\n`));
    if (broken !== undefined) throw broken;
  } finally {
    await client.end().catch(() => undefined);
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`the rotation did not end: ${(error as Error).message}\n  next: npm run rotate-keys\n`);
  process.exitCode = 1;
}
