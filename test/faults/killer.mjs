// A process of its own that kills parts of a running system with SIGKILL, one after the other, until it is told to stop: a killer
// inside the load generator would hit idle moments only.
// node killer.mjs <data directory> <seed> <url of a service that must be ready again, or several with commas> <service>…; prints the name of each service killed, a line each; ends at SIGTERM.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds between the return of one part and the end of the next. */
const SHORTEST_PAUSE = 300;
const LONGEST_PAUSE = 1_500;
const BACK_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 20;

const [dataDir = '', seed = '1', urls = '', ...services] = process.argv.slice(2);
let isOver = false;
process.on('SIGTERM', () => (isOver = true));

/** What runs now; empty while the file is being replaced. */
function running() {
  try {
    return JSON.parse(readFileSync(join(dataDir, 'run.json'), 'utf8'));
  } catch {
    return [];
  }
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32, public domain). */
let state = Number(seed);
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
}

async function killOne(service) {
  const instances = running().filter((entry) => entry.service === service);
  const chosen = instances[Math.floor(random() * instances.length)];
  if (chosen === undefined) return;
  try {
    process.kill(chosen.pid, 'SIGKILL');
  } catch {
    return; // Gone by itself: its successor is on the way.
  }
  process.stdout.write(`${service}\n`);
  const isBack = () =>
    running().some((entry) => entry.service === service && entry.instance === chosen.instance && entry.pid !== chosen.pid);
  const end = Date.now() + BACK_WITHIN_MS;
  while (!(isBack() && (await areReady())) && !isOver && Date.now() < end) await sleep(LOOK_EVERY_MS);
}

/** Else a slow machine would see parts killed that have not begun to work again. */
async function areReady() {
  const answers = await Promise.all(
    urls.split(',').map((url) => fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined)),
  );
  return answers.every((answer) => answer?.status === 200);
}

for (let turn = 0; !isOver; turn += 1) {
  await killOne(services[turn % services.length]);
  await sleep(SHORTEST_PAUSE + random() * (LONGEST_PAUSE - SHORTEST_PAUSE));
}
