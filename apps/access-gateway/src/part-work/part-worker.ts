import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError } from '#kernel';
import { isUnavailable, type Logger } from '#platform';
import type { CutOffs } from '../cut-off/cut-offs.js';

/** `over`: nothing more to do, or not for this gateway. `again`: rights were changing just then. */
export type PartOutcome = 'more' | 'again' | 'over';

/** Work that is done part after part, by whichever gateway has claimed it. */
export interface PartWork<Claim> {
  /** The oldest that nobody works at; null when there is none. */
  claim(): Promise<Claim | null>;
  doPart(claim: Claim): Promise<PartOutcome>;
  fail(claim: Claim): Promise<void>;
  /** Cancels what is of people who are held or deactivated, and forgets what is old. */
  tidy(): Promise<void>;
}

/** What is cancelled ends within a second, broker or no broker; what another gateway left is found as soon. */
const LOOK_EVERY_MS = 400;
/** Rights that go on changing: so often a part is tried, then the lease runs out and any gateway goes on. */
const MOST_TRIES = 20;
const AGAIN_MS = 25;

/** One gateway's work of one kind: one after another, part after part. */
export class PartWorker<Claim> {
  private timer: NodeJS.Timeout | undefined;
  private stopListening: () => void = () => undefined;
  private working: Promise<void> = Promise.resolve();
  private tidying: Promise<void> = Promise.resolve();
  private isWorking = false;
  private isTidying = false;
  private isStopped = false;

  constructor(
    private readonly kind: string,
    private readonly work: PartWork<Claim>,
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
      .catch((error: unknown) => this.note('what is over could not be tidied', error))
      .finally(() => (this.isTidying = false));
  }

  private async workAll(): Promise<void> {
    try {
      for (let claim = await this.work.claim(); claim !== null && !this.isStopped; claim = await this.work.claim()) {
        await this.doAll(claim);
      }
    } catch (error) {
      this.note('no work could be taken up', error);
    }
  }

  /** A stop, or a database that is away, leaves the rest to whoever finds the lease run out; any other error is for good. */
  private async doAll(claim: Claim): Promise<void> {
    try {
      for (let tries = 0; tries < MOST_TRIES && !this.isStopped;) {
        const outcome = await this.work.doPart(claim);
        if (outcome === 'over') return;
        tries = outcome === 'again' ? tries + 1 : 0;
        if (outcome === 'again') await sleep(AGAIN_MS);
      }
    } catch (error) {
      if (isAway(error)) throw error;
      this.note('a piece of work failed', error);
      await this.work.fail(claim);
    }
  }

  private note(message: string, error: unknown): void {
    if (!isAway(error)) this.logger.error(message, { kind: this.kind, error });
  }
}

function isAway(error: unknown): boolean {
  return isUnavailable(error) || (error instanceof DomainError && error.code === 'dependency-unavailable');
}
