import type { DomainEvent } from '#kernel';
import { CommandRepeated, VersionConflict, type Statement } from '#event-store';
import type { AcceptedReply } from '#contracts';
import type { Aggregate } from '../log/aggregate.js';
import { streamChange, type AnyStreamChange, type CrmLog, type Loaded } from '../log/crm-log.js';
import { metadataOf, type CommandContext } from './command-context.js';

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
  constructor(readonly log: CrmLog) {}

  /**
   * `plan` gets the aggregate as it is and gives the events, or throws a refusal. It may run several times. Without events nothing
   * is written. Throws `version-conflict` when the command named another version than it meets.
   */
  async run<State, Command, Event extends DomainEvent>(
    context: CommandContext,
    aggregate: Aggregate<State, Command, Event>,
    id: string,
    plan: (loaded: Loaded<State>) => Plan<Event> | Promise<Plan<Event>>,
  ): Promise<AcceptedReply> {
    for (let attempt = 1; ; attempt += 1) {
      const loaded = await this.log.load(aggregate, id);
      const planned = await plan(loaded);
      if (context.expectedVersion !== null && context.expectedVersion !== loaded.version) throw new VersionConflict();
      if (planned.events.length === 0) return { ok: true, id, version: loaded.version };
      await planned.beforeAppend?.();
      const outcome: AcceptedReply = { ok: true, id, version: loaded.version + planned.events.length };
      const { version, generation } = loaded;
      const change = streamChange({ aggregate, id, version, generation, events: planned.events });
      try {
        await this.log.append([change, ...(planned.together ?? [])], {
          metadata: metadataOf(context),
          command: { id: context.commandId, mac: context.bodyMac, outcome },
          locks: planned.locks ?? [],
          guards: planned.guards ?? [],
          statements: planned.statements ?? [],
        });
        return outcome;
      } catch (error) {
        if (error instanceof CommandRepeated) return this.firstOutcome(context);
        if (!(error instanceof VersionConflict) || context.expectedVersion !== null || attempt === ATTEMPTS) throw error;
      }
    }
  }

  private async firstOutcome(context: CommandContext): Promise<AcceptedReply> {
    const first = await this.log.findCommand(context.commandId);
    if (first === undefined) throw new CommandRepeated();
    return first.outcome as AcceptedReply;
  }
}
