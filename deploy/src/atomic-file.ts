import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/**
 * Replaces a file so that a reader sees the old or the new text and never a part, and a power cut leaves one of the two. Throws when there
 * is no room for the new one, and leaves the old.
 */
export function writeAtomically(file: string, text: string, mode: number): void {
  const draft = `${file}.${process.pid}.tmp`;
  const descriptor = openSync(draft, 'w', mode);
  try {
    // Not `writeSync`, which is content with a part where the disk is nearly full.
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
  renameSync(draft, file);
}
