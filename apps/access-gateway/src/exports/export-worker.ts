import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError } from '#kernel';
import { isUnavailable, type Logger } from '#platform';
import type { CutOffs } from '../cut-off/cut-offs.js';
import type { Claim, ExportWork } from './export-work.js';

/** What is cancelled ends within a second, broker or no broker; an export that another gateway left is found as soon. */
const LOOK_EVERY_MS = 400;
/** Rights that go on changing: so often a part is tried, then the lease runs out and any gateway goes on. */
const MOST_TRIES = 20;
const AGAIN_MS = 25;

/** One gateway's work at exports: one after another, part after part. */
export class ExportWorker {
  private timer: NodeJS.Timeout | undefined;
  private stopListening: () => void = () => undefined;
  private working: Promise<void> = Promise.resolve();
  private tidying: Promise<void> = Promise.resolve();
  private isWorking = false;
  private isTidying = false;
  private isStopped = false;

  constructor(
    private readonly work: ExportWork,
    private readonly cutOffs: CutOffs,
    private readonly logger: Logger,
  ) {}

  start(): void {
    this.timer = setInterval(() => {
      this.tidy();
      this.wake();
    }, LOOK_EVERY_MS);
    this.stopListening = this.cutOffs.onDeactivated(() => this.tidy());
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    clearInterval(this.timer);
    this.stopListening();
    await Promise.all([this.working, this.tidying]);
  }

  /** Looks for work at once. */
  wake(): void {
    if (this.isWorking || this.isStopped) return;
    this.isWorking = true;
    this.working = this.workAll().finally(() => (this.isWorking = false));
  }

  private tidy(): void {
    if (this.isTidying || this.isStopped) return;
    this.isTidying = true;
    this.tidying = this.work
      .tidy()
      .catch((error: unknown) => this.note('exports could not be looked through', error))
      .finally(() => (this.isTidying = false));
  }

  private async workAll(): Promise<void> {
    try {
      for (let claim = await this.work.claim(); claim !== null && !this.isStopped; claim = await this.work.claim()) {
        await this.writeAll(claim);
      }
    } catch (error) {
      this.note('exports could not be taken up', error);
    }
  }

  /** A stop, or a database that is away, leaves the rest to whoever finds the lease run out; any other error is for good. */
  private async writeAll(claim: Claim): Promise<void> {
    try {
      for (let tries = 0; tries < MOST_TRIES && !this.isStopped;) {
        const outcome = await this.work.writePart(claim);
        if (outcome === 'over') return;
        tries = outcome === 'again' ? tries + 1 : 0;
        if (outcome === 'again') await sleep(AGAIN_MS);
      }
    } catch (error) {
      if (isAway(error)) throw error;
      this.note('an export failed', error);
      await this.work.fail(claim);
    }
  }

  private note(message: string, error: unknown): void {
    if (!isAway(error)) this.logger.error(message, { error });
  }
}

function isAway(error: unknown): boolean {
  return isUnavailable(error) || (error instanceof DomainError && error.code === 'dependency-unavailable');
}
