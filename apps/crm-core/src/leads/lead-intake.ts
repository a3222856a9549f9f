import type { Pool } from 'pg';
import { Secret } from '#kernel';
import { VersionConflict, type EventMetadata } from '#event-store';
import { leadReceivedSchema, type LeadReceived, type SealedLead } from '#contracts';
import type { ReceiverKeys } from '#privacy';
import { StreamTurns } from '../commands/stream-turns.js';
import { streamChange, type CrmLog } from '../log/crm-log.js';
import type { MaskedLead } from './domain/lead.events.js';
import { maskedLead, quarantineReason, sentLead } from './domain/lead.planning.js';
import { leadAggregate } from './lead.aggregate.js';
import { openLead } from './lead-envelope.js';
import type { LeadPlan, LeadPlanner } from './lead-planner.js';
import { takesTurns, turnLock, type LeadTerms, type Terms } from './lead-terms.js';
import { untilNotOvertaken } from './overtaken-plans.js';

/** Leads that an older release set aside in a table are taken over so many at a time. */
const ADOPTED_AT_ONCE = 100;

/** The process manager of leads: one append a lead, once a lead id, to a contact and a deal, or to quarantine. */
export class LeadIntake {
  private readonly turns = new StreamTurns();

  constructor(
    private readonly log: CrmLog,
    private readonly pool: Pool,
    private readonly receiver: ReceiverKeys,
    private readonly terms: LeadTerms,
    private readonly planner: LeadPlanner,
  ) {}

  /**
   * Takes one lead. Taken before, however long ago: nothing, for the lead's own stream tells. Throws on what cannot be processed
   * (now); nothing has changed then.
   */
  async process(received: LeadReceived): Promise<void> {
    if (await this.isTaken(received.leadId)) return;
    const lead = await openLead(this.receiver, received.leadId, received.sealed);
    let wasOvertaken = false;
    await untilNotOvertaken(
      async () => {
        // Overtaken by the same lead in other hands, perhaps.
        if (wasOvertaken && (await this.isTaken(received.leadId))) return;
        wasOvertaken = true;
        await this.take(received, lead);
      },
      { conflictsToo: true },
    );
  }

  /** What becomes of a lead by the form as it is: put aside, or a contact and a deal. */
  async plan({ leadId, receivedAt }: Omit<LeadReceived, 'sealed'>, lead: SealedLead, terms: Terms): Promise<LeadPlan> {
    const open = { leadId, receivedAt, sent: sentLead(lead) };
    const reason = quarantineReason(lead, terms.form);
    return reason === null ? this.planner.acceptance(open, terms) : this.planner.quarantine(open, terms, reason);
  }

  /** Puts a lead that failed too often aside, sealed as it came. `reason` is a code, never text of the lead. */
  async setAside(received: LeadReceived, reason: string): Promise<void> {
    const { leadId, formId, receivedAt, sealed } = received;
    const content = new Secret({ received: sealed, masked: await this.maskedOf(received) });
    const command = { type: 'set-aside', data: { formId, receivedAt, reason, content } } as const;
    const events = leadAggregate.decide(command, leadAggregate.initialState);
    try {
      const change = streamChange({ aggregate: leadAggregate, id: leadId, version: 0, events });
      await this.log.append([change], { metadata: metadataOf(received) });
    } catch (error) {
      // Core has it already.
      if (!(error instanceof VersionConflict)) throw error;
    }
  }

  /** Takes over what an older release set aside in a table of its own. Safe beside other cores. */
  async adoptSetAside(): Promise<void> {
    for (;;) {
      const { rows } = await this.pool.query<{ lead_id: string; reason_code: string; received: unknown }>(
        'SELECT lead_id, reason_code, received FROM es.leads_set_aside ORDER BY at LIMIT $1',
        [ADOPTED_AT_ONCE],
      );
      if (rows.length === 0) return;
      for (const { lead_id: leadId, reason_code: reason, received } of rows) {
        await this.setAside(leadReceivedSchema.parse(received), reason);
        await this.pool.query('DELETE FROM es.leads_set_aside WHERE lead_id = $1', [leadId]);
      }
    }
  }

  /** Those of the leads that core has for good: made into records, put aside, or declined. */
  committed(leadIds: readonly string[]): Promise<readonly string[]> {
    return this.log.existing(leadAggregate, leadIds);
  }

  /** A lead that was set aside is tried again by an administrator, not by its coming again. */
  private async isTaken(leadId: string): Promise<boolean> {
    return (await this.committed([leadId])).length > 0;
  }

  private async take(received: LeadReceived, lead: SealedLead): Promise<void> {
    const terms = await this.terms.of(received.formId);
    const take = async (): Promise<void> => {
      const { command, together, ...guarded } = await this.plan(received, lead, terms);
      const events = leadAggregate.decide(command, leadAggregate.initialState);
      const change = streamChange({ aggregate: leadAggregate, id: received.leadId, version: 0, events });
      await this.log.append([change, ...together], { metadata: metadataOf(received), ...guarded });
    };
    // One at a time of a form that gives turns: side by side they would only overtake each other.
    await (takesTurns(terms) ? this.turns.run(turnLock(terms.formId), take) : take());
  }

  /** Null for what does not open, or is no lead: nobody can show it then. */
  private async maskedOf({ leadId, sealed }: LeadReceived): Promise<MaskedLead | null> {
    const { defaultRegion } = await this.terms.settings();
    try {
      return maskedLead(sentLead(await openLead(this.receiver, leadId, sealed)), defaultRegion);
    } catch {
      return null;
    }
  }
}

/**
 * Without the address that the lead came from: it is the person's, metadata is in clear, is shown with the history, and stays when he is erased.
 */
function metadataOf({ leadId, receivedAt }: LeadReceived): EventMetadata {
  return {
    ...{ actorId: null, sessionId: null, tokenId: null, ip: null },
    ...{ commandId: leadId, correlationId: leadId, causationId: null, at: receivedAt },
  };
}
