import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, closeSync, mkdtempSync, openSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const FILLER = '.filler';
/** First large pieces, then what is left: a writer of one line finds no room either. */
const PIECES = [1024 * 1024, 4_096, 1];
const AGAIN_EVERY_MS = 100;

/** A disk of its own under a folder (a tmpfs, which takes root), that can be filled to the last byte and emptied again. */
export class SmallDisk {
  #refill: NodeJS.Timeout | undefined;

  private constructor(readonly folder: string) {}

  /** Puts the folder, with all that is in it, on a disk of so many megabytes. Nobody may be at work in it. */
  static under(folder: string, megabytes: number): SmallDisk {
    const { mode, uid, gid } = statSync(folder);
    const aside = mkdtempSync(join(tmpdir(), 'palisade-aside-'));
    command('cp', '-a', `${folder}/.`, aside);
    command('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder);
    command('cp', '-a', `${aside}/.`, folder);
    rmSync(aside, { recursive: true });
    chownSync(folder, uid, gid);
    chmodSync(folder, mode);
    return new SmallDisk(folder);
  }

  /** Takes all room there is, and all that somebody gives back, until `free`. */
  fill(): void {
    this.#takeAll();
    this.#refill = setInterval(() => this.#takeAll(), AGAIN_EVERY_MS);
  }

  /** Leaves room for so many bytes, whole pages of 4,096: what is longer is written in part. */
  leave(bytes: number): void {
    this.#takeAll();
    const filler = join(this.folder, FILLER);
    truncateSync(filler, statSync(filler).size - bytes);
  }

  /** There is room again. */
  free(): void {
    clearInterval(this.#refill);
    rmSync(join(this.folder, FILLER), { force: true });
  }

  /** Takes the disk away, with all that was on it. */
  remove(): void {
    this.free();
    command('umount', '--lazy', this.folder);
  }

  #takeAll(): void {
    const file = openSync(join(this.folder, FILLER), 'a', 0o600);
    try {
      for (const size of PIECES) while (isWritten(file, size));
    } finally {
      closeSync(file);
    }
  }
}

function isWritten(file: number, size: number): boolean {
  try {
    return writeSync(file, Buffer.alloc(size)) > 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw error;
  }
}

function command(program: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`a full disk is made of a small tmpfs, which takes root: ${stderr.trim()}`);
}
