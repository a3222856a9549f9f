import { spawn } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import type { System } from '#testing';

const ROOT = join(import.meta.dirname, '..', '..');

/** Writes a number where nobody ever may, once in each kind of place, behind the system's back. */
export async function plantLeaks(system: System, fresh: () => string): Promise<Record<string, string>> {
  const { dataDir } = system;
  const planted = {
    ...{ log: fresh(), table: fresh(), compressed: fresh(), walAhead: fresh(), stream: fresh(), spool: fresh() },
    ...{ exported: fresh(), answer: fresh(), name: fresh(), key: fresh() },
  };
  const log = join(dataDir, 'logs', 'planted.log');
  // Across the end of a piece that is read at once, spelt as people do.
  writeFileSync(log, 'x'.repeat(4 * 1024 * 1024 - 5));
  appendFileSync(log, `8 (${planted.log.slice(2, 5)}) ${planted.log.slice(5, 8)}-${planted.log.slice(8)}`);
  writeFileSync(join(dataDir, 'logs', `call-${planted.name}.log`), '');
  writeFileSync(join(dataDir, 'keys', 'planted'), Buffer.from(planted.key).toString('base64'));
  writeFileSync(join(dataDir, 'nats', 'jetstream', 'planted.blk'), JSON.stringify({ number: planted.stream }));
  const spool = new DatabaseSync(join(dataDir, 'spool', 'planted.db'));
  spool.exec('CREATE TABLE planted (number text)');
  spool.prepare('INSERT INTO planted VALUES (?)').run(planted.spool);
  spool.close();
  const database = new pg.Client({ connectionString: system.connections.database.superuser });
  database.on('error', () => undefined);
  await database.connect();
  try {
    await database.query('CREATE TABLE public.planted (number text)');
    const insert = (text: string): Promise<unknown> => database.query('INSERT INTO public.planted VALUES ($1)', [text]);
    await insert(planted.table);
    await insert(`${'palisade '.repeat(2000)}${planted.compressed}`);
    // It is in no table any more.
    await insert(planted.walAhead);
    await database.query('DELETE FROM public.planted WHERE number = $1', [planted.walAhead]);
    const parts = await database.query('UPDATE access.export_parts SET sealed = $1', [planted.exported]);
    const cards = await database.query(
      `UPDATE read.contacts SET note = $1 WHERE id = (SELECT id FROM read.contacts WHERE deleted_at IS NULL ORDER BY created_at DESC LIMIT 1)`,
      [planted.answer],
    );
    if (parts.rowCount === 0 || cards.rowCount === 0) throw new Error('there is nothing to plant in');
  } finally {
    await database.end();
  }
  return planted;
}

/** `npm run scan` as a person would run it, on these values. */
export async function scanProgram(system: System, values: readonly string[]): Promise<{ code: number | null; output: string }> {
  const { dataDir, admin } = system;
  const ambient = Object.entries(process.env).filter(([name]) => !name.startsWith('PALISADE_') && !name.startsWith('JEST_'));
  const env = {
    ...Object.fromEntries(ambient),
    ...{ PALISADE_DATA_DIR: dataDir, PALISADE_ADMIN_EMAIL: admin.email, PALISADE_ADMIN_PASSWORD: admin.password },
  };
  const args = [join(ROOT, 'deploy', 'run.mjs'), 'deploy/scan/scan.js', '--values', '-', '--cards', '5'];
  const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  child.stdin.end(values.join('\n'));
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { code, output };
}
