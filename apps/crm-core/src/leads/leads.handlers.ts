import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { DomainError, refuse } from '#kernel';
import type { AcceptedReply } from '#contracts';
import { reasonOf } from '#messaging';
import { isUnavailable } from '#platform';
import { allows } from '#policy';
import { CrmCommand, targetOf, type CommandContext } from '../commands/command-context.js';
import { CommandShell, type Plan } from '../commands/command-shell.js';
import type { LeadState } from './domain/lead.decider.js';
import type { LeadEvent } from './domain/lead.events.js';
import { SERVICE_KEYS } from '../log/log.module.js';
import type { ServiceKeys } from '../log/service-keys.js';
import { leadAggregate } from './lead.aggregate.js';
import { openLead } from './lead-envelope.js';
import { LeadIntake } from './lead-intake.js';
import { LeadPlanner, type LeadPlan } from './lead-planner.js';
import { LeadTerms } from './lead-terms.js';
import { untilNotOvertaken } from './overtaken-plans.js';

export class AcceptLead extends CrmCommand {}
export class DeclineLead extends CrmCommand {}
export class RetryLead extends CrmCommand {}

/** Leads that were set aside are the administrators'; to others they are not there. */
function requireWaiting({ principal }: CommandContext, state: LeadState): void {
  if (state.phase === 'none' || (state.phase === 'set-aside' && !principal.isAdmin)) refuse('not-found');
  if (state.phase === 'declined' || state.phase === 'erased') refuse('lead-settled');
}

function planned({ command, ...more }: LeadPlan, state: LeadState): Plan<LeadEvent> {
  return { events: leadAggregate.decide(command, state), ...more };
}

/** A lead in quarantine becomes a contact and a deal, as it would have when it came. */
@CommandHandler(AcceptLead)
export class AcceptLeadHandler implements ICommandHandler<AcceptLead> {
  constructor(
    private readonly shell: CommandShell,
    private readonly terms: LeadTerms,
    private readonly planner: LeadPlanner,
  ) {}

  execute({ context }: AcceptLead): Promise<AcceptedReply> {
    if (!allows(context.principal, 'leads', 'accept')) refuse('forbidden');
    const leadId = targetOf(context);
    const accept = (): Promise<AcceptedReply> =>
      this.shell.run(context, leadAggregate, leadId, async ({ state }) => {
        requireWaiting(context, state);
        if (state.phase === 'accepted') return { events: [] };
        // What was set aside is tried again instead.
        if (state.phase !== 'quarantined') return refuse('not-found');
        const { formId, receivedAt, content } = state;
        const open = { leadId, receivedAt, sent: content.expose().sent };
        return planned(await this.planner.acceptance(open, await this.terms.of(formId)), state);
      });
    return untilNotOvertaken(accept, { conflictsToo: false });
  }
}

/** What waits is not wanted: everything personal of it is destroyed. */
@CommandHandler(DeclineLead)
export class DeclineLeadHandler implements ICommandHandler<DeclineLead> {
  constructor(private readonly shell: CommandShell) {}

  execute({ context }: DeclineLead): Promise<AcceptedReply> {
    if (!allows(context.principal, 'leads', 'accept')) refuse('forbidden');
    return this.shell.run(context, leadAggregate, targetOf(context), ({ state }) => {
      if (state.phase !== 'declined') requireWaiting(context, state);
      return { events: leadAggregate.decide({ type: 'decline' }, state) };
    });
  }
}

/** An administrator has a lead that was set aside processed once more. Failing again, it stays where it is. */
@CommandHandler(RetryLead)
export class RetryLeadHandler implements ICommandHandler<RetryLead> {
  constructor(
    private readonly shell: CommandShell,
    private readonly terms: LeadTerms,
    private readonly intake: LeadIntake,
    @Inject(SERVICE_KEYS) private readonly keys: Pick<ServiceKeys, 'receiver'>,
  ) {}

  execute({ context }: RetryLead): Promise<AcceptedReply> {
    if (!context.principal.isAdmin) refuse('forbidden');
    const retry = (): Promise<AcceptedReply> =>
      this.shell.run(context, leadAggregate, targetOf(context), async ({ state }) => {
        requireWaiting(context, state);
        if (state.phase !== 'set-aside') return { events: [] };
        return planned(await this.plan(targetOf(context), state), state);
      });
    return untilNotOvertaken(retry, { conflictsToo: false });
  }

  private async plan(leadId: string, state: Extract<LeadState, { phase: 'set-aside' }>): Promise<LeadPlan> {
    const { formId, receivedAt, content } = state;
    try {
      const lead = await openLead(this.keys.receiver, leadId, content.expose().received);
      return await this.intake.plan({ leadId, formId, receivedAt }, lead, await this.terms.of(formId));
    } catch (error) {
      if (isUnavailable(error)) throw error;
      // A code or the name of a class of errors: nothing of the lead.
      throw new DomainError('lead-unprocessable', { detail: `It failed again (${reasonOf(error)}) and stays set aside.` });
    }
  }
}
