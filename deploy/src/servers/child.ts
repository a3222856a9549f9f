import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Both outputs are appended here; the file stays open by the child alone, so it outlives whoever started it. */
  readonly logFile: string;
  readonly identity?: { readonly uid: number; readonly gid: number };
  /** In a session of its own: a terminal's Ctrl-C, or a signal to the starter's group, does not reach it. */
  readonly detached?: boolean;
  /** A channel to the starter: `stop-with-parent` ends the child when the starter dies. */
  readonly channel?: boolean;
  readonly workingDirectory?: string;
}

/** A process that was started here. */
export interface Child {
  readonly pid: number;
  /** Resolves, never rejects, when the process has ended; says how. */
  readonly ended: Promise<string>;
  hasEnded(): boolean;
  kill(signal: NodeJS.Signals): void;
}

/** Starts a process. Throws when it cannot be started at all (no such program). */
export async function startChild(options: ChildOptions): Promise<Child> {
  const log = openSync(options.logFile, 'a', 0o600);
  let child: ChildProcess;
  try {
    child = spawn(options.command, [...options.args], {
      env: options.env,
      stdio: options.channel === true ? ['ignore', log, log, 'ipc'] : ['ignore', log, log],
      detached: options.detached ?? false,
      ...(options.workingDirectory === undefined ? {} : { cwd: options.workingDirectory }),
      ...(options.identity ?? {}),
    });
  } finally {
    closeSync(log);
  }
  let over = false;
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => {
      over = true;
      resolve(signal === null ? `exit code ${code}` : `signal ${signal}`);
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  child.on('error', () => undefined);
  return {
    pid: child.pid as number,
    ended,
    hasEnded: () => over,
    kill: (signal) => void child.kill(signal),
  };
}

/** Stops a child: the polite signal, then SIGKILL after `patienceMs`. */
export async function stopChild(child: Child, polite: NodeJS.Signals, patienceMs: number): Promise<void> {
  if (child.hasEnded()) return;
  child.kill(polite);
  const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  await child.ended;
  clearTimeout(timer);
}

/** The last lines of a log, for a message about a failure. */
export function logTail(file: string, lines = 15): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '(no log)';
  }
}
