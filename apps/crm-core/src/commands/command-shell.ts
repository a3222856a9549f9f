import { randomUUIDv7 } from 'node:crypto';
import { DomainError, isDerivedUuid, type DomainEvent } from '#kernel';
import { CommandRepeated, VersionConflict, type Statement } from '#event-store';
import type { AcceptedReply } from '#contracts';
import { streamOf, type Aggregate } from '../log/aggregate.js';
import { streamChange, type AnyStreamChange, type CrmLog, type Loaded } from '../log/crm-log.js';
import { metadataOf, type CommandContext } from './command-context.js';
import { requireSameBody } from './repeats.js';
import { StreamTurns } from './stream-turns.js';

/** How often a lost race is run again when the command names no version. */
const ATTEMPTS = 8;

export interface Plan<Event extends DomainEvent> {
  readonly events: readonly Event[];
  /** Done after the decision and before the append: the gate. */
  readonly beforeAppend?: () => Promise<void>;
  readonly locks?: readonly string[];
  /** Run under the locks and before the projections. */
  readonly guards?: readonly Statement[];
  readonly statements?: readonly Statement[];
  /** Changes of other streams in the same append. */
  readonly together?: readonly AnyStreamChange[];
}

/** Loads, lets the handler decide, appends; runs lost races again. The only place where a command meets the log. */
export class CommandShell {
  private readonly turns = new StreamTurns();

  constructor(readonly log: CrmLog) {}

  /**
   * `plan` gets the aggregate as it is and gives the events, or throws a refusal. It may run several times. Without events nothing
   * is written but, for a command with an Idempotency-Key, its outcome. Throws `version-conflict` when the command named another
   * version than it meets, and `dependency-unavailable` when it named none and lost every race.
   */
  async run<State, Command, Event extends DomainEvent>(
    context: CommandContext,
    aggregate: Aggregate<State, Command, Event>,
    id: string,
    plan: (loaded: Loaded<State>) => Plan<Event> | Promise<Plan<Event>>,
  ): Promise<AcceptedReply> {
    const stream = streamOf(aggregate, id);
    for (let attempt = 1; ; attempt += 1) {
      try {
        const once = async (): Promise<AcceptedReply> =>
          this.carryOut(context, aggregate, id, await this.log.load(aggregate, id), plan);
        // Who lost a race waits for his turn in this core, and newcomers behind him: else a crowd would lose again and again.
        return attempt === 1 && !this.turns.isTaken(stream) ? await once() : await this.turns.run(stream, once);
      } catch (error) {
        if (error instanceof CommandRepeated) return this.firstOutcome(context);
        if (!(error instanceof VersionConflict) || context.expectedVersion !== null) throw error;
        if (attempt === ATTEMPTS) throw new DomainError('dependency-unavailable', { retryAfterSeconds: 1 });
      }
    }
  }

  /** `run` for an aggregate that begins with this command, under a fresh id: there is nothing of it to read, and no race to lose. */
  async create<State, Command, Event extends DomainEvent>(
    context: CommandContext,
    aggregate: Aggregate<State, Command, Event>,
    plan: (fresh: Loaded<State>) => Plan<Event> | Promise<Plan<Event>>,
  ): Promise<AcceptedReply> {
    const fresh = { state: aggregate.initialState, version: 0, generation: 0 };
    try {
      return await this.carryOut(context, aggregate, randomUUIDv7(), fresh, plan);
    } catch (error) {
      if (error instanceof CommandRepeated) return this.firstOutcome(context);
      throw error;
    }
  }

  private async carryOut<State, Command, Event extends DomainEvent>(
    context: CommandContext,
    aggregate: Aggregate<State, Command, Event>,
    id: string,
    loaded: Loaded<State>,
    plan: (loaded: Loaded<State>) => Plan<Event> | Promise<Plan<Event>>,
  ): Promise<AcceptedReply> {
    const planned = await plan(loaded);
    context.body.requireNothingUnread();
    if (context.expectedVersion !== null && context.expectedVersion !== loaded.version) throw new VersionConflict();
    const outcome: AcceptedReply = { ok: true, id, version: loaded.version + planned.events.length };
    const command = { id: context.commandId, mac: context.bodyMac, outcome };
    const together = planned.together ?? [];
    if (planned.events.length === 0 && together.length === 0) {
      // A repeat must not find something to do later.
      if (isDerivedUuid(command.id)) await this.log.recordCommand(command);
      return outcome;
    }
    await planned.beforeAppend?.();
    const { version, generation } = loaded;
    const change = streamChange({ aggregate, id, version, generation, events: planned.events });
    await this.log.append([...(planned.events.length === 0 ? [] : [change]), ...together], {
      metadata: metadataOf(context),
      command,
      locks: planned.locks ?? [],
      guards: planned.guards ?? [],
      statements: planned.statements ?? [],
    });
    return outcome;
  }

  private async firstOutcome(context: CommandContext): Promise<AcceptedReply> {
    const first = await this.log.findCommand(context.commandId);
    if (first === undefined) throw new CommandRepeated();
    requireSameBody(first, context.bodyMac);
    return first.outcome as AcceptedReply;
  }
}
