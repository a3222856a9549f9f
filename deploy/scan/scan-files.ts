import { createReadStream, readdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Leak, NumberScan } from './number-scan.js';

/** What was looked through, and what was found. */
export interface FilesSeen {
  readonly leaks: readonly Leak[];
  readonly files: number;
  readonly bytes: number;
}

const PIECE = 4 * 1024 * 1024;

/** Every file below a folder, links followed, whatever it is called; the names as well. */
export async function scanFiles(scan: NumberScan, folder: string): Promise<FilesSeen> {
  const leaks: Leak[] = [];
  const seen = new Set<string>();
  let bytes = 0;
  for (const { file, size } of filesBelow(folder, seen)) {
    // A name that holds a value is not repeated.
    leaks.push(...scan.scan(`a name in ${dirname(file)}`, file));
    try {
      const read = await scan.scanPieces(file, createReadStream(file, { highWaterMark: Math.min(PIECE, size + 1) }));
      leaks.push(...read.leaks);
      bytes += read.bytes;
    } catch (error) {
      // A running database removes files while they are read; nothing else may go unread.
      if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
    }
  }
  return { leaks, files: seen.size, bytes };
}

function* filesBelow(folder: string, seen: Set<string>): Generator<{ readonly file: string; readonly size: number }> {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) continue;
    const real = realpathSync(path);
    if (seen.has(real)) continue;
    if (stats.isDirectory()) {
      yield* filesBelow(real, seen);
    } else if (stats.isFile()) {
      seen.add(real);
      yield { file: real, size: stats.size };
    }
  }
}
