import type { SealingStanding } from '#contracts';
import { holdLeadership, restFor, type Leadership, type Logger } from '#platform';
import type { CoreConfig } from '../config.js';
import { eventHash } from './event-hash.js';
import { lineOf, type HeadsFile } from './heads-file.js';
import type { HeadsWebhook } from './heads-webhook.js';
import { headOf, NO_HEAD, rootOf } from './seal.js';
import { gateAge, sealLag, sealNumber, sealingStopped } from './seal-metrics.js';
import { LOG_START, outsideOf, type EventToSeal, type Seal, type SealStore } from './seal-store.js';
import type { HeadSigner } from './signing-key.js';

/** Events of one seal at most. */
export const SEAL_BATCH = 1_000;
/** A look every so often, milliseconds: an event is sealed well within a second of its commit. */
const LOOK_MS = 400;
const RETRY_MS = 1_000;
const MENDED_AT_ONCE = 100;

/** The chain does not go on: what is outside and what the database says contradict each other. `npm run verify` says how. */
export class SealingStopped extends Error {
  override readonly name = 'SealingStopped';
}

export interface SealerParts {
  readonly config: Pick<CoreConfig, 'databaseUrl'>;
  readonly store: SealStore;
  readonly signer: HeadSigner;
  readonly file: HeadsFile;
  readonly webhook?: HeadsWebhook;
  /** The database's time, as that of the events is. */
  readonly now: () => Date;
  readonly logger: Logger;
}

/**
 * Seals the log behind the writers: reads events in commit order, and chains, signs and stores a batch at a time; then the head goes
 * outside. One core at a time; two that both believe to lead meet at the number of the seal. The row comes before the line: a crash
 * between leaves a row whose line the next start writes.
 */
export class Sealer {
  #leadership: Leadership | undefined;
  /** The last seal; undefined: to be read, and the file to be mended first. Null: there is none yet. */
  #last: Seal | null | undefined;
  /** When the oldest event happened that is not sealed; milliseconds. All are: when that was seen. */
  #sealedUntil: number | undefined;
  #gate: { readonly xid: string; readonly since: number } | undefined;
  #number = 0;
  #isStopped = false;
  #isLeading = false;

  constructor(private readonly parts: SealerParts) {}

  start(): void {
    this.#leadership = holdLeadership({
      databaseUrl: this.parts.config.databaseUrl,
      name: 'sealer',
      logger: this.parts.logger,
      onAcquired: (signal) => this.#run(signal),
    });
  }

  async stop(): Promise<void> {
    await this.#leadership?.stop();
  }

  /**
   * Seals one batch; the number of events in it. Throws `SealingStopped` when the chain cannot go on, PostgreSQL's 23505 when another
   * sealer was faster.
   */
  async step(): Promise<number> {
    const last = this.#last === undefined ? await this.restart() : this.#last;
    const events = await this.parts.store.eventsAfter(last?.last ?? LOG_START, SEAL_BATCH);
    if (events.length > 0) this.#last = await this.#seal(last, events);
    await this.#measure();
    return events.length;
  }

  /** As at the begin of a term: reads the last seal anew and mends the file. */
  async restart(): Promise<Seal | null> {
    return (this.#last = await this.#mend());
  }

  /** How it stands with the seals, by the core that makes them; undefined of the others. */
  get standing(): SealingStanding | undefined {
    if (!this.#isLeading) return undefined;
    return { number: this.#number, behindMs: Math.floor(this.#behindMs()), stopped: this.#isStopped };
  }

  /** True when committed events stand after the last seal, also those that an open transaction holds back. */
  async isBehind(): Promise<boolean> {
    return (await this.parts.store.waiting(this.#last?.last ?? LOG_START, 1)).events > 0;
  }

  async #run(signal: AbortSignal): Promise<void> {
    this.#last = undefined;
    this.#sealedUntil = undefined;
    this.#isLeading = true;
    let reported = '';
    while (!signal.aborted) {
      const wait = await this.step().then(
        (sealed) => {
          reported = '';
          this.#markStopped(false);
          return sealed === SEAL_BATCH ? 0 : LOOK_MS;
        },
        (error: unknown) => {
          this.#last = undefined;
          this.#showLag();
          this.#markStopped(error instanceof SealingStopped);
          const reason = error instanceof SealingStopped ? error.message : 'failed';
          if (reason !== reported) this.parts.logger.error('the log is not sealed', { reason, error });
          reported = reason;
          return RETRY_MS;
        },
      );
      if (wait > 0) await restFor(wait, signal);
    }
    this.#isLeading = false;
    sealLag.set(0);
    gateAge.set(0);
  }

  #markStopped(isStopped: boolean): void {
    this.#isStopped = isStopped;
    sealingStopped.set(isStopped ? 1 : 0);
  }

  async #seal(previous: Seal | null, events: readonly EventToSeal[]): Promise<Seal> {
    const { store, signer, file, webhook } = this.parts;
    const [first, last] = [events[0] as EventToSeal, events.at(-1) as EventToSeal];
    const ids = events.map(({ id }) => id);
    const hashes = Buffer.concat(events.map(({ encoding }) => eventHash(encoding)));
    const parts = {
      number: (previous?.number ?? 0) + 1,
      previousHead: previous?.head ?? NO_HEAD,
      root: rootOf(ids, hashes),
      events: ids.length,
      total: (previous?.total ?? 0) + ids.length,
      sealedAt: this.parts.now().toISOString(),
    };
    const head = headOf(parts);
    const signed = { ...parts, head, signature: signer.sign(head), keyId: signer.keyId };
    const seal: Seal = { ...signed, ids, hashes, first: first.position, last: last.position };
    await store.insert(seal);
    const outside = outsideOf(seal);
    await file.append([outside]);
    webhook?.offer(lineOf(outside));
    this.#number = seal.number;
    sealNumber.set(seal.number);
    return seal;
  }

  /** Brings the file to the state of the rows, and gives the last one. The file is never behind, and never ahead, of the chain. */
  async #mend(): Promise<Seal | null> {
    const { store, file, signer } = this.parts;
    const outside = await file.prepare();
    const last = (await store.last()) ?? null;
    this.#number = last?.number ?? 0;
    const known = outside?.number ?? 0;
    if (known > (last?.number ?? 0)) throw new SealingStopped('the file of heads knows later seals than the database');
    if (last !== null && !isSound(last, signer))
      throw new SealingStopped('the last seal is not signed by the key of the key folder');
    if (outside !== null && !(await store.find(known))?.head.equals(outside.head))
      throw new SealingStopped('the file of heads and the database have different seals of one number');
    for (let from = known; from < (last?.number ?? 0); from += MENDED_AT_ONCE) {
      const missing = (await store.after(from, MENDED_AT_ONCE)).filter(({ number }) => number <= (last?.number ?? 0));
      const isWhole = missing.every((seal, index) => seal.number === from + index + 1 && isSound(seal, signer));
      if (!isWhole) throw new SealingStopped('a seal of the database is missing or not signed by the key of the key folder');
      await file.append(missing.map(outsideOf));
    }
    return last;
  }

  async #measure(): Promise<void> {
    const { firstAt, gate } = await this.parts.store.waiting(this.#last?.last ?? LOG_START, 1);
    const first = firstAt === null ? NaN : Date.parse(firstAt);
    this.#sealedUntil = Number.isNaN(first) ? this.parts.now().getTime() : first;
    this.#showLag();
    const now = performance.now();
    this.#gate = gate === null ? undefined : this.#gate?.xid === gate ? this.#gate : { xid: gate, since: now };
    gateAge.set(this.#gate === undefined ? 0 : (now - this.#gate.since) / 1_000);
  }

  #showLag(): void {
    sealLag.set(this.#behindMs() / 1_000);
  }

  #behindMs(): number {
    const now = this.parts.now().getTime();
    return Math.max(0, now - (this.#sealedUntil ??= now));
  }
}

/** True when the seal is what the key signed, its list of events included. */
function isSound(seal: Seal, signer: HeadSigner): boolean {
  return (
    seal.keyId === signer.keyId &&
    rootOf(seal.ids, seal.hashes).equals(seal.root) &&
    headOf(seal).equals(seal.head) &&
    signer.verify(seal.head, seal.signature)
  );
}
