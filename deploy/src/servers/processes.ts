import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** The command line of a process, arguments separated by spaces; undefined when there is none with this id. */
export function commandOf(pid: number): string | undefined {
  if (process.platform === 'linux') {
    try {
      const status = readFileSync(`/proc/${pid}/stat`, 'utf8');
      if (status.slice(status.lastIndexOf(')') + 2).startsWith('Z')) return undefined;
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    } catch {
      return undefined;
    }
  }
  const { status, stdout } = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** True when the process runs and is the one meant: ids are used again, so `marker` must stand in its command line. */
export function isRunning(pid: number, marker: string): boolean {
  return commandOf(pid)?.includes(marker) ?? false;
}

/** Sends a signal; a process that is gone is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Stops a process that is not our child: the polite signal, then SIGKILL after `patienceMs`. Resolves when it is gone. */
export async function stopStray(pid: number, marker: string, polite: NodeJS.Signals, patienceMs: number): Promise<void> {
  if (!isRunning(pid, marker)) return;
  signal(pid, polite);
  if (await isGone(pid, marker, patienceMs)) return;
  signal(pid, 'SIGKILL');
  if (!(await isGone(pid, marker, 5_000))) throw new Error(`process ${pid} does not end; stop it by hand and start again`);
}

async function isGone(pid: number, marker: string, patienceMs: number): Promise<boolean> {
  for (const end = Date.now() + patienceMs; Date.now() < end; await sleep(20)) {
    if (!isRunning(pid, marker)) return true;
  }
  return !isRunning(pid, marker);
}
