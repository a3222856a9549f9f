import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeAtomically } from './atomic-file.js';
import type { Child } from './servers/child.js';
import type { Service } from './service-names.js';

export type Supervised = Service | 'postgres' | 'nats';

/** Something to keep running. */
export interface Managed {
  readonly service: Supervised;
  readonly instance: number;
  readonly port?: number;
  /** Starts it; servers resolve when they answer. */
  start(): Promise<Child>;
  /** Ends it, politely first. Also called while `start` is at work. */
  stop(): Promise<void>;
  /** Ends it now. */
  kill(): void;
}

/** One line of `<data dir>/run.json`. */
export interface RunEntry {
  readonly service: Supervised;
  readonly instance: number;
  readonly pid: number;
  readonly port?: number;
}

/** What is above is stopped before what it uses. */
const STOP_ORDER: ReadonlyArray<Supervised> = [
  'lead-ingest',
  'access-gateway',
  'activity-monitor',
  'crm-core',
  'nats',
  'postgres',
];

/** Waiting time before a restart, by how many deaths in a row came within seconds of the start. */
const BACKOFF_MS = [0, 250, 500, 1_000, 2_000];
const QUICK_DEATH_MS = 5_000;
const REWRITE_MS = 500;

/** Starts things, starts again what dies, keeps `run.json` true, and stops everything in order. */
export class Supervisor {
  readonly #runFile: string;
  readonly #report: (line: string) => void;
  readonly #managed: Managed[] = [];
  readonly #running = new Map<Managed, Child>();
  readonly #deaths = new Map<Managed, number>();
  /** Set while the list could not be written. */
  #rewrite: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor(dataDir: string, report: (line: string) => void) {
    this.#runFile = join(dataDir, 'run.json');
    this.#report = report;
  }

  /** Starts one thing and keeps it running from then on. Rejects when the very first start fails. */
  async keep(managed: Managed): Promise<void> {
    if (this.#stopping) return;
    this.#managed.push(managed);
    await this.#start(managed);
  }

  /** Deaths in a row within seconds of the start: more than a few mean that it cannot run. */
  quickDeaths(service: Supervised, instance: number): number {
    const managed = this.#managed.find((one) => one.service === service && one.instance === instance);
    return managed === undefined ? 0 : (this.#deaths.get(managed) ?? 0);
  }

  /** Ends everything that was started, in order, and restarts nothing any more. */
  async stop(): Promise<void> {
    this.#stopping = true;
    // Nothing was started: the run file, if there is one, is another's.
    if (this.#managed.length === 0) return;
    for (const service of STOP_ORDER) {
      await Promise.all(this.#managed.filter((managed) => managed.service === service).map((managed) => managed.stop()));
    }
    this.#running.clear();
    this.#writeRunFile();
  }

  /** Ends everything at once; for the impatient. */
  kill(): void {
    this.#stopping = true;
    for (const managed of this.#managed) managed.kill();
  }

  async #start(managed: Managed): Promise<void> {
    const child = await managed.start();
    const startedAt = Date.now();
    if (this.#stopping) return managed.stop();
    this.#running.set(managed, child);
    this.#writeRunFile();
    void child.ended.then((how) => this.#died(managed, how, Date.now() - startedAt));
  }

  async #died(managed: Managed, how: string, livedMs: number): Promise<void> {
    this.#running.delete(managed);
    if (this.#stopping) return;
    this.#writeRunFile();
    const quick = livedMs < QUICK_DEATH_MS ? (this.#deaths.get(managed) ?? 0) + 1 : 0;
    this.#deaths.set(managed, quick);
    const wait = BACKOFF_MS[Math.min(Math.max(quick - 1, 0), BACKOFF_MS.length - 1)] ?? 0;
    this.#report(`${managed.service}-${managed.instance} ended (${how}); starting it again${wait === 0 ? '' : ` in ${wait} ms`}`);
    if (wait > 0) await sleep(wait);
    if (this.#stopping) return;
    const startedAt = Date.now();
    await this.#start(managed).catch(async (error: unknown) => {
      await this.#died(managed, error instanceof Error ? error.message : 'could not be started', Date.now() - startedAt);
    });
  }

  #writeRunFile(): void {
    const entries: RunEntry[] = [...this.#running].map(([{ service, instance, port }, { pid }]) => ({
      ...{ service, instance, pid },
      ...(port === undefined ? {} : { port }),
    }));
    clearTimeout(this.#rewrite);
    try {
      writeAtomically(this.#runFile, `${JSON.stringify(entries, null, 2)}\n`, 0o644);
      this.#rewrite = undefined;
    } catch (error) {
      // A full disk must not end the one who restarts things; told once, and tried until there is room and the list is true again.
      if (this.#rewrite === undefined)
        this.#report(`${this.#runFile} could not be written: ${error instanceof Error ? error.message : 'unknown error'}`);
      this.#rewrite = setTimeout(() => this.#writeRunFile(), REWRITE_MS);
      this.#rewrite.unref();
    }
  }
}
