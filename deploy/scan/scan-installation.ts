import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Connections } from '../src/connections.js';
import { reachable } from '../src/services.js';
import type { Leak, NumberScan } from './number-scan.js';
import { scanFiles } from './scan-files.js';
import { scanMetrics } from './scan-metrics.js';
import { scanTables } from './scan-tables.js';

/** A kind of place that was looked at. */
export interface Look {
  readonly what: string;
  /** How much of it there was. */
  readonly extent: string;
  readonly leaks: readonly Leak[];
}

const MEGABYTE = 1024 * 1024;

/**
 * Looks through what an installation holds: the metrics of its services, every row of its database, every file under its data
 * directory (tables, write-ahead log, streams, spool, logs, keys). It keeps running. Throws when a part cannot be looked at.
 */
export async function scanInstallation(scan: NumberScan, dataDir: string, host = '127.0.0.1'): Promise<readonly Look[]> {
  const { database } = readJson(dataDir, 'connections.json') as Connections;
  const metrics = await scanMetrics(scan, serviceUrls(dataDir, host));
  const tables = await scanTables(scan, database.superuser);
  const files = await scanFiles(scan, dataDir);
  return [
    { what: 'metrics', extent: `${metrics.services} services`, leaks: metrics.leaks },
    { what: 'tables', extent: `${tables.tables} tables, ${megabytes(tables.bytes)}`, leaks: tables.leaks },
    { what: 'files', extent: `${files.files} files, ${megabytes(files.bytes)}`, leaks: files.leaks },
  ];
}

/** Where services answer on this machine: core and monitor on ports of their own, for health and metrics alone. */
function serviceUrls(dataDir: string, host: string): string[] {
  const ports = existsSync(join(dataDir, 'ports.json')) ? (readJson(dataDir, 'ports.json') as Record<string, number>) : {};
  const run = readJson(dataDir, 'run.json') as readonly { service: string; instance: number; port?: number }[];
  return run
    .filter(({ service }) => service !== 'postgres' && service !== 'nats')
    .map(({ service, instance, port }) =>
      port === undefined ? `http://127.0.0.1:${ports[`${service}-${instance}`]}` : `http://${reachable(host)}:${port}`,
    );
}

function readJson(dataDir: string, name: string): unknown {
  return JSON.parse(readFileSync(join(dataDir, name), 'utf8'));
}

function megabytes(bytes: number): string {
  return `${(bytes / MEGABYTE).toFixed(0)} MB`;
}
