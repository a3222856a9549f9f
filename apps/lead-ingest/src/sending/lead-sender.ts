import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { STREAMS, SUBJECTS, type LeadCommittedReply, type LeadReceived } from '#contracts';
import { publishFacts, request, type Broker, type OutgoingFact } from '#messaging';
import type { Logger } from '#platform';
import type { WaitingLead } from '../spool/spool.protocol.js';
import type { Spool } from '../spool/spool.js';
import { WakingLoop } from '../waking-loop.js';
import { RushPauses } from './rush-pauses.js';

/**
 * How far the stream may run ahead of core: what three cores take in between two questions. What is behind it stays in the spool alone,
 * where it costs core nothing while a rush lasts.
 */
const MAX_AWAITING = 256;
const READ_ROWS = 256;
const IDLE_MS = 1_000;
const SHORTEST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;
const ASK_EVERY_MS = 250;
const SLOWEST_ASK_MS = 2_000;
/** `leadCommittedQuerySchema` takes 500. */
const ASK_IDS = 500;
const ANSWER_LIMIT_MS = 2_000;
/** A sent lead that core does not have after this is sent again, then after twice as long, up to an hour. */
const RESEND_AFTER_MS = 30_000;
const LONGEST_RESEND_MS = 3_600_000;

const committedReplySchema = z.object({
  ok: z.literal(true),
  committed: z.array(z.string()),
}) satisfies z.ZodType<LeadCommittedReply>;

interface SentLead {
  readonly seq: number;
  readonly leadId: string;
  readonly sentAt: number;
  readonly times: number;
}

export interface LeadSenderOptions {
  /** Milliseconds until an unconfirmed lead is sent again; 30 s. */
  readonly resendAfterMs?: number;
  /** The longest pause of sending for the sake of a rush, in milliseconds; 0 for none. */
  readonly longestPauseMs: number;
}

/**
 * Brings the spool's leads to core: publishes them to the stream in order of arrival, and drops one only when core says by its id
 * that it has it for good. Nothing about sending is stored: a restart sends all that is left again, and core takes each id once. While
 * leads come in a rush it pauses, within the bounds of `RushPauses`.
 */
export class LeadSender {
  /** Of this process, in the ids of what it sends again. */
  readonly #run = randomUUID();
  readonly #sent = new Map<number, SentLead>();
  /** How often a lead that is due again was sent before. */
  readonly #returned = new Map<number, number>();
  readonly #resendAfterMs: number;
  readonly #publishing: WakingLoop;
  readonly #confirming: WakingLoop;
  readonly #unlisten: readonly (() => void)[];
  #afterSeq = 0;
  /** Where to read again from: a lead behind it is due once more. */
  #rewindTo = Number.POSITIVE_INFINITY;
  #retryMs = SHORTEST_RETRY_MS;
  #isFailing = false;
  #askMs = ASK_EVERY_MS;
  readonly #pauses: RushPauses;
  #isPaused = false;

  constructor(
    private readonly spool: Spool,
    private readonly broker: Broker,
    private readonly logger: Logger,
    options: LeadSenderOptions,
  ) {
    this.#resendAfterMs = options.resendAfterMs ?? RESEND_AFTER_MS;
    this.#pauses = new RushPauses(options.longestPauseMs);
    this.#publishing = new WakingLoop(() => this.#publishSome());
    this.#confirming = new WakingLoop(() => this.#confirmSome());
    const wake = (): void => this.#publishing.wake();
    const onStored = (leads: number): void => {
      this.#pauses.note(leads);
      // While sending fails or pauses, leads that come do not make it be tried more often.
      if (!this.#isFailing && !this.#isPaused) wake();
    };
    this.#unlisten = [spool.onStored(onStored), broker.onConnected(wake)];
  }

  async stop(): Promise<void> {
    for (const unlisten of this.#unlisten) unlisten();
    await Promise.all([this.#publishing.stop(), this.#confirming.stop()]);
  }

  /** One window of the spool to the stream. Returns the milliseconds to rest. */
  async #publishSome(): Promise<number> {
    const room = MAX_AWAITING - this.#sent.size;
    if (!this.broker.isConnected || room <= 0) return IDLE_MS;
    const pauseMs = this.#pauses.restMs();
    this.#isPaused = pauseMs > 0;
    if (this.#isPaused) return pauseMs;
    this.#afterSeq = Math.min(this.#afterSeq, this.#rewindTo);
    this.#rewindTo = Number.POSITIVE_INFINITY;
    try {
      const rows = await this.spool.waiting(this.#afterSeq, Math.min(room, READ_ROWS));
      const due = rows.filter(({ seq }) => !this.#sent.has(seq));
      const confirmed = await publishFacts(
        this.broker,
        due.map((lead) => this.#factOf(lead)),
        { expectedStream: STREAMS.leads.name },
      );
      for (const lead of due.slice(0, confirmed)) this.#noteSent(lead);
      const failed = due[confirmed];
      this.#afterSeq = failed === undefined ? (rows.at(-1)?.seq ?? this.#afterSeq) : failed.seq - 1;
      if (failed !== undefined) return this.#backOff();
      this.#retryMs = SHORTEST_RETRY_MS;
      this.#isFailing = false;
      return rows.length === 0 ? IDLE_MS : 0;
    } catch (error) {
      this.logger.warn('leads not sent', { error });
      return this.#backOff();
    }
  }

  #noteSent({ seq, leadId }: WaitingLead): void {
    this.#sent.set(seq, { seq, leadId, sentAt: performance.now(), times: (this.#returned.get(seq) ?? 0) + 1 });
    this.#returned.delete(seq);
  }

  #backOff(): number {
    this.#isFailing = true;
    const wait = this.#retryMs;
    this.#retryMs = Math.min(wait * 2, LONGEST_RETRY_MS);
    return wait;
  }

  /** Asks core about everything sent. Returns the milliseconds to rest: longer while core makes no progress. */
  async #confirmSome(): Promise<number> {
    if (this.#sent.size === 0 || !this.broker.isConnected) return ASK_EVERY_MS;
    // Counted, for leads that are sent meanwhile hide what was confirmed.
    let confirmed = 0;
    try {
      const sent = [...this.#sent.values()];
      for (let from = 0; from < sent.length && !this.#confirming.isStopped; from += ASK_IDS) {
        confirmed += await this.#confirm(sent.slice(from, from + ASK_IDS));
      }
    } catch (error) {
      this.logger.debug('leads not confirmed', { error });
    }
    const hasProgress = confirmed > 0;
    this.#askMs = hasProgress ? ASK_EVERY_MS : Math.min(this.#askMs * 2, SLOWEST_ASK_MS);
    if (hasProgress) this.#publishing.wake();
    return this.#askMs;
  }

  /** Returns how many of them core has. Only an answer of core makes a lead due again: while core is away, sending more would fill the stream and help nobody. */
  async #confirm(sent: readonly SentLead[]): Promise<number> {
    const leadIds = sent.map(({ leadId }) => leadId);
    const answer = await request<unknown>(this.broker, SUBJECTS.leadCommitted, { leadIds }, { timeoutMs: ANSWER_LIMIT_MS });
    const reply = committedReplySchema.safeParse(answer);
    if (!reply.success) throw new Error('the confirmation that core sent is of another shape');
    const committed = new Set(reply.data.committed);
    const safe = sent.filter(({ leadId }) => committed.has(leadId)).map(({ seq }) => seq);
    if (safe.length > 0) await this.spool.forget(safe);
    for (const seq of safe) this.#sent.delete(seq);
    for (const lead of sent) if (!committed.has(lead.leadId)) this.#returnIfOverdue(lead);
    return safe.length;
  }

  #returnIfOverdue({ seq, sentAt, times }: SentLead): void {
    const patience = Math.min(this.#resendAfterMs * 2 ** (times - 1), LONGEST_RESEND_MS);
    if (performance.now() - sentAt < patience) return;
    this.#sent.delete(seq);
    this.#returned.set(seq, times);
    this.#rewindTo = Math.min(this.#rewindTo, seq - 1);
    this.#publishing.wake();
  }

  /**
   * The lead's id is the message's id, so the stream tells the repeats of one sending. One that is sent again after a time has a new
   * one, of this process alone: a broker that was killed may have lost a message and still know its id, also one that was sent by the
   * process before. Core takes each lead once.
   */
  #factOf({ seq, leadId, formId, receivedAt, sealed }: WaitingLead): OutgoingFact {
    const payload: LeadReceived = { leadId, formId, receivedAt, sealed };
    const times = this.#returned.get(seq) ?? 0;
    return { subject: SUBJECTS.leadReceived(formId), msgId: times === 0 ? leadId : `${leadId}:${this.#run}:${times}`, payload };
  }
}
