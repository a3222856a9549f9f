import { parseArgs } from 'node:util';
import pg from 'pg';
import { exitOnConfigError, readConfig } from '#platform';
import { coreConfigSchema } from '../config.js';
import { headVerifier } from '../seals/signing-key.js';
import { reportOf } from '../seals/verify/report.js';
import { verifyLog } from '../seals/verify/verification.js';

/**
 * `npm run verify`: recomputes the log up to the last signed head and says whether it is whole. Exit code 0: it is; 1: it is not, or it
 * could not be told. `-- --heads FILE --key FILE` verify against a copy of the heads and of the public key kept elsewhere.
 */
async function main(): Promise<number> {
  const { values } = parseArgs({ options: { heads: { type: 'string' }, key: { type: 'string' } } });
  const config = exitOnConfigError(() => readConfig(coreConfigSchema, process.env));
  const client = new pg.Client({
    connectionString: config.databaseUrl.expose(),
    application_name: 'verify',
    connectionTimeoutMillis: 10_000,
  });
  client.on('error', () => undefined);
  try {
    const verifier = await headVerifier(config.keyDir, values.key);
    await client.connect();
    const verification = await verifyLog(client, values.heads ?? config.headsFile, verifier);
    const { isWhole, lines } = reportOf(verification);
    process.stdout.write(`${lines.join('\n')}\n`);
    return isWhole ? 0 : 1;
  } catch (error) {
    const { code, name } = error as { code?: string; name?: string };
    process.stderr.write(
      `the log could not be verified (${code ?? name ?? 'unknown error'})\n  next: see that it runs (npm start)\n`,
    );
    return 1;
  } finally {
    await client.end().catch(() => undefined);
  }
}

process.exitCode = await main();
