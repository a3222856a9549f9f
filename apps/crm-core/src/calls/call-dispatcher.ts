import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import { VersionConflict } from '#event-store';
import type { Logger } from '#platform';
import { streamChange, type CrmLog } from '../log/crm-log.js';
import { callAggregate } from './call.aggregate.js';
import type { CallCommand } from './domain/call.decider.js';
import type { OutgoingCall, Telephone } from './telephony/telephone.js';

/** How often a call is offered to a telephone system that does not answer, and the pauses between, milliseconds. */
const PAUSES_MS = [500, 2_000];
/** Calls under way at a time; more would wait longer than anybody holds the line, and fail at once. */
const MOST_AT_ONCE = 100;
/** How often the end of a call is written when others write as well. */
const ATTEMPTS = 5;

/**
 * Brings calls that are in the log to the telephone system, and writes down what became of them. What it cannot write down, because
 * the service ends or the database is away, is written as interrupted later (`abandoned-calls.ts`).
 */
export class CallDispatcher {
  private readonly running = new Set<Promise<void>>();
  private isStopping = false;

  constructor(
    private readonly telephone: Telephone,
    private readonly log: CrmLog,
    private readonly logger: Logger,
    private readonly now: () => Date,
  ) {}

  /** Takes the call and returns: what becomes of it stands in the log. */
  dispatch(call: OutgoingCall): void {
    const isTaken = this.running.size < MOST_AT_ONCE;
    const work = (isTaken ? this.handOver(call) : Promise.resolve<CallCommand>({ type: 'fail', cause: 'unreachable' }))
      .then((end) => endCall(this.log, call.callId, end, this.now()))
      .catch((error: unknown) => this.logger.error('the end of a call is not written', { callId: call.callId, error }))
      .finally(() => this.running.delete(work));
    this.running.add(work);
  }

  /** Lets what is under way come to its end, without trying again. */
  async stop(): Promise<void> {
    this.isStopping = true;
    await Promise.all(this.running);
  }

  private async handOver(call: OutgoingCall): Promise<CallCommand> {
    for (let attempt = 0; ; attempt += 1) {
      const answer = await this.telephone.handOver(call);
      if (answer === 'taken') return { type: 'hand-over' };
      if (answer === 'refused') return { type: 'fail', cause: 'refused' };
      const pause = PAUSES_MS[attempt];
      if (pause === undefined || this.isStopping) return { type: 'fail', cause: 'unreachable' };
      await sleep(pause);
      if (this.isStopping) return { type: 'fail', cause: 'unreachable' };
    }
  }
}

/** Writes the end of a call, once: an end that is there already stays. Throws the database's error. */
export async function endCall(log: CrmLog, callId: string, end: CallCommand, at: Date): Promise<void> {
  const metadata = {
    ...{ actorId: null, sessionId: null, tokenId: null, ip: null, causationId: null },
    ...{ commandId: uuidv7(), correlationId: callId, at: at.toISOString() },
  };
  for (let attempt = 1; ; attempt += 1) {
    const { state, version } = await log.load(callAggregate, callId);
    const events = callAggregate.decide(end, state);
    if (events.length === 0) return;
    try {
      return await log.append([streamChange({ aggregate: callAggregate, id: callId, version, events })], { metadata });
    } catch (error) {
      if (!(error instanceof VersionConflict) || attempt === ATTEMPTS) throw error;
    }
  }
}
