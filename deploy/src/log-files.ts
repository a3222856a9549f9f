import { copyFileSync, existsSync, readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';

const LARGEST_BYTES = 10 * 1024 * 1024;
const EVERY_MS = 10_000;

/**
 * Keeps each log in a folder below about 10 MB, with one older part as `<name>.log.1`. The writers have the file open for
 * appending and go on at its new end. Gives back what ends it.
 */
export function rotateLogs(folder: string): () => void {
  const rotate = (): void => {
    if (!existsSync(folder)) return;
    for (const name of readdirSync(folder).filter((entry) => entry.endsWith('.log'))) {
      const file = join(folder, name);
      if (statSync(file).size < LARGEST_BYTES) continue;
      copyFileSync(file, `${file}.1`);
      truncateSync(file);
    }
  };
  rotate();
  const timer = setInterval(() => {
    try {
      rotate();
    } catch {
      // A full disk or a vanished folder is no reason to stop serving; the next round tries again.
    }
  }, EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
