import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** The unit of times in /proc (proc_pid_stat(5)): 100 a second on every Linux of today. */
const TICKS_PER_SECOND = 100;
const LOOKS_EVERY_MS = 300;
/** Share of one processor that services at rest use for their timers, with room. */
const AT_REST = 0.15;

/**
 * Resolves when the processes below `pid` are at rest: what was accepted is relayed, folded and consumed. True when they are; false
 * when they were not within `timeoutMs`. Where there is no /proc it waits a fixed two seconds.
 */
export async function untilAtRest(pid: number, timeoutMs: number): Promise<boolean> {
  if (process.platform !== 'linux') {
    await sleep(2_000);
    return true;
  }
  const end = Date.now() + timeoutMs;
  let before = processorSeconds(pid);
  while (Date.now() < end) {
    const since = Date.now();
    await sleep(LOOKS_EVERY_MS);
    const now = processorSeconds(pid);
    if (now - before < (AT_REST * (Date.now() - since)) / 1000) return true;
    before = now;
  }
  return false;
}

/** Processor time of a process and everything below it that is alive. */
function processorSeconds(root: number): number {
  const processes = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? readProcess(Number(name)) : []));
  const wanted = new Set([root]);
  for (let size = 0; size !== wanted.size;) {
    size = wanted.size;
    for (const { pid, parent } of processes) if (wanted.has(parent)) wanted.add(pid);
  }
  return processes.filter(({ pid }) => wanted.has(pid)).reduce((sum, { ticks }) => sum + ticks, 0) / TICKS_PER_SECOND;
}

function readProcess(pid: number): Array<{ readonly pid: number; readonly parent: number; readonly ticks: number }> {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything; after it: state, parent, …, the 14th and 15th of all are user and system time.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return [{ pid, parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }];
  } catch {
    return [];
  }
}
