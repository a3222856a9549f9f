import type { AcceptedReply } from '#contracts';
import { allows, type RecordType } from '#policy';
import { refuse, type DomainEvent } from '#kernel';
import type { Aggregate } from '../log/aggregate.js';
import type { CommandShell } from '../commands/command-shell.js';
import { targetOf, type CommandContext } from '../commands/command-context.js';
import type { Gate } from '../commands/gate.js';
import { assignBody } from './record-bodies.js';
import type { RecordReferences } from './record-references.js';
import { requireAction, requireAssignable, requireRestorable } from './record-rights.js';
import { readCustomValues, type CustomValues } from './domain/custom-values.js';
import type { RecordCommand, RecordState } from './domain/record.decider.js';

/** What the shared handlers decide. Creating is each kind's own: a deal takes more than a contact does. */
type LifecycleCommand = Extract<RecordCommand<never>, { readonly type: 'assign' | 'delete' | 'restore' }>;

/** What the handlers of all three kinds of records do alike: rights on the aggregate, then the body, then the decision. */
export class RecordShell {
  constructor(
    readonly shell: CommandShell,
    readonly references: RecordReferences,
    private readonly gate: Gate,
  ) {}

  /** The coarse right to create; without it the body is not judged. */
  requireCreate(context: CommandContext, type: RecordType): void {
    if (!allows(context.principal, type, 'create')) refuse('forbidden');
  }

  /** Custom fields as the body gives them, judged by the fields that the kind of record has now. */
  async customValues(context: CommandContext, type: RecordType, sent: Readonly<Record<string, unknown>>): Promise<CustomValues> {
    if (Object.keys(sent).length === 0) return {};
    const known = await this.references.customFields(type);
    return readCustomValues(sent, known, context.authorization.settings.defaultRegion);
  }

  /** The responsible person of a new record: the creator unless another, or nobody, is named, which takes the right to assign. */
  async responsibleOfNew(context: CommandContext, type: RecordType, named: string | null | undefined): Promise<string | null> {
    const own = context.principal.userId;
    if (named === undefined || named === own) return own;
    requireAssignable(context.principal, type, { responsibleId: own }, named);
    if (named !== null) await this.references.requireActive(named);
    return named;
  }

  /** The events that a changed `responsibleId` in a PATCH makes, after its own rights and its own measure. */
  async reassign<Fields, Event extends DomainEvent>(
    context: CommandContext,
    type: RecordType,
    aggregate: Aggregate<RecordState<Fields>, LifecycleCommand, Event>,
    state: RecordState<Fields>,
    responsibleId: string | null,
  ): Promise<{ events: readonly Event[]; beforeAppend?: () => Promise<void> }> {
    const events = aggregate.decide({ type: 'assign', responsibleId }, state);
    if (events.length === 0 || state.phase === 'none') return { events };
    requireAssignable(context.principal, type, state, responsibleId);
    if (responsibleId !== null) await this.references.requireActive(responsibleId);
    const id = targetOf(context);
    return { events, beforeAppend: () => this.gate.admit(context, 'record.reassigned', 'reassignment', type, [id]) };
  }

  assign<Fields, Event extends DomainEvent>(
    context: CommandContext,
    type: RecordType,
    aggregate: Aggregate<RecordState<Fields>, LifecycleCommand, Event>,
  ): Promise<AcceptedReply> {
    return this.shell.run(context, aggregate, targetOf(context), ({ state }) => {
      requireAction(context.principal, type, 'assign', state);
      const { responsibleId } = context.body.parse(assignBody);
      return this.reassign(context, type, aggregate, state, responsibleId);
    });
  }

  delete<Fields, Event extends DomainEvent>(
    context: CommandContext,
    type: RecordType,
    aggregate: Aggregate<RecordState<Fields>, LifecycleCommand, Event>,
  ): Promise<AcceptedReply> {
    const id = targetOf(context);
    return this.shell.run(context, aggregate, id, ({ state }) => {
      requireAction(context.principal, type, 'delete', state);
      return {
        events: aggregate.decide({ type: 'delete' }, state),
        beforeAppend: () => this.gate.admit(context, 'record.deleted', 'deletion', type, [id]),
      };
    });
  }

  restore<Fields, Event extends DomainEvent>(
    context: CommandContext,
    type: RecordType,
    aggregate: Aggregate<RecordState<Fields>, LifecycleCommand, Event>,
  ): Promise<AcceptedReply> {
    return this.shell.run(context, aggregate, targetOf(context), ({ state }) => {
      requireRestorable(context.principal, type, state);
      return { events: aggregate.decide({ type: 'restore' }, state) };
    });
  }
}
