import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Client } from 'pg';
import type { Machine } from './report.js';
import { median } from './statistics.js';
import type { BenchSystem } from './system.js';

/** What the figures were measured on: nothing that names the machine or a path of it. */
export async function describeMachine({ connections, dataDir }: BenchSystem): Promise<Machine> {
  const client = new Client({ connectionString: connections.database.superuser });
  await client.connect();
  try {
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    return {
      platform: `${process.platform} ${process.arch}`,
      processors: availableParallelism(),
      node: process.versions.node,
      postgres: rows[0]?.server_version ?? '',
      flushMs: flushMs(dataDir),
    };
  } finally {
    await client.end();
  }
}

/** A disk that does not flush makes every durable thing look fast: the figure belongs beside the others. */
function flushMs(folder: string): number {
  const file = join(folder, 'flush-probe');
  const descriptor = openSync(file, 'w');
  try {
    const times = Array.from({ length: 50 }, () => {
      writeSync(descriptor, Buffer.alloc(4096, 1));
      const before = performance.now();
      fsyncSync(descriptor);
      return performance.now() - before;
    });
    return Number(median(times).toFixed(3));
  } finally {
    closeSync(descriptor);
    rmSync(file, { force: true });
  }
}
