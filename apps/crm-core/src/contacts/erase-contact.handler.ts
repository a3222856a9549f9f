import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { Pool } from 'pg';
import { refuse } from '#kernel';
import type { AcceptedReply } from '#contracts';
import { allows, decide } from '#policy';
import { judgedAgain } from '../authz/judged-again.js';
import { CrmCommand, targetOf, unsealedText, type CommandContext } from '../commands/command-context.js';
import { CommandShell } from '../commands/command-shell.js';
import { Gate } from '../commands/gate.js';
import { dealAggregate } from '../deals/deal.aggregate.js';
import { leadAggregate } from '../leads/lead.aggregate.js';
import { WaitingLeads } from '../leads/waiting-leads.js';
import { keyOwner, streamOf } from '../log/aggregate.js';
import { streamChange, type AnyStreamChange } from '../log/crm-log.js';
import { CORE_POOL } from '../log/log.module.js';
import { revealAggregate } from '../reveals/reveal.aggregate.js';
import { contactAggregate } from './contact.aggregate.js';
import { eraseContactBody } from './domain/contact.commands.js';
import type { ContactState } from './domain/contact.decider.js';
import type { Erasure } from './domain/contact.events.js';
import { planErasure, type LinkedDeal } from './domain/erasure.js';

export class EraseContact extends CrmCommand {}

/**
 * Erases a person for good: his keys, and those of what was his alone, are destroyed in the append that says so. It counts as a deletion:
 * who may delete ten a day erases no more than ten, and whoever erases many is told of.
 */
@CommandHandler(EraseContact)
export class EraseContactHandler implements ICommandHandler<EraseContact> {
  constructor(
    private readonly shell: CommandShell,
    @Inject(CORE_POOL) private readonly pool: Pool,
    private readonly waiting: WaitingLeads,
    private readonly gate: Gate,
  ) {}

  execute({ context }: EraseContact): Promise<AcceptedReply> {
    const id = targetOf(context);
    // A deal that was linked or unlinked meanwhile, a number shown meanwhile: planned anew.
    return judgedAgain('PA020', () =>
      this.shell.run(context, contactAggregate, id, async ({ state }) => {
        const { fields, responsibleId } = requireErasable(context, state);
        const body = context.body.parse(eraseContactBody);
        const region = context.authorization.settings.defaultRegion;
        const [deals, taken, reveals, waiting] = await Promise.all([
          this.dealsOf(id),
          this.leadsOf(id),
          this.revealsOf(id),
          this.waiting.of([...fields.phones, ...fields.emails], region),
        ]);
        const leadIds = [...taken, ...waiting];
        const erasure = planErasure({
          ...{ contactId: id, responsibleId, fields, deals, leadIds },
          reason: unsealedText(context, body.reason),
          requestRef: body.requestRef === null ? null : unsealedText(context, body.requestRef),
        });
        return {
          events: contactAggregate.decide({ type: 'erase', erasure }, state),
          together: [...(await this.goingWithHim(id, erasure)), ...(await this.reasonsToErase(id, reveals))],
          // The person alone: which deals go with him may change until the append, and the gate knows a repeat by its subjects.
          beforeAppend: () => this.gate.admit(context, 'record.deleted', 'deletion', 'contact', [id]),
          guards: [
            {
              name: 'require deals of',
              text: 'SELECT read.require_deals_of($1, $2::uuid[], $3::uuid[])',
              values: [id, erasure.erasedDealIds, erasure.keptDealIds],
            },
            { name: 'require reveals of', text: 'SELECT read.require_reveals_of($1, $2::uuid[])', values: [id, reveals] },
          ],
        };
      }),
    );
  }

  /** Hidden deals too: what is hidden can be brought back. */
  private async dealsOf(contactId: string): Promise<readonly LinkedDeal[]> {
    const result = await this.pool.query<LinkedDeal>(
      'SELECT id, contact_ids AS "contactIds" FROM read.deals WHERE contact_ids @> ARRAY[$1::uuid] ORDER BY id',
      [contactId],
    );
    return result.rows;
  }

  private async leadsOf(contactId: string): Promise<readonly string[]> {
    const result = await this.pool.query<{ stream: string }>(
      `SELECT stream FROM es.events WHERE type = 'LeadAccepted' AND data->>'contactId' = $1 ORDER BY seq`,
      [contactId],
    );
    return result.rows.map(({ stream }) => stream.slice('lead-'.length));
  }

  private async revealsOf(contactId: string): Promise<readonly string[]> {
    const text = 'SELECT id FROM read.reveals WHERE record_id = $1 ORDER BY id';
    return (await this.pool.query<{ id: string }>(text, [contactId])).rows.map(({ id }) => id);
  }

  /** That he was shown stays in the trail; why may name him, and does not. */
  private async reasonsToErase(contactId: string, reveals: readonly string[]): Promise<readonly AnyStreamChange[]> {
    const changes: AnyStreamChange[] = [];
    for (const id of reveals) {
      const { state, version } = await this.shell.log.load(revealAggregate, id);
      const events = revealAggregate.decide({ type: 'erase', contactId }, state);
      if (events.length > 0) changes.push(streamChange({ aggregate: revealAggregate, id, version, events }));
    }
    return changes;
  }

  private async goingWithHim(contactId: string, erasure: Erasure): Promise<readonly AnyStreamChange[]> {
    const changes: AnyStreamChange[] = [];
    for (const id of erasure.erasedDealIds) {
      const { state, version, generation } = await this.shell.log.load(dealAggregate, id);
      const owner = keyOwner(streamOf(dealAggregate, id), generation);
      const events = dealAggregate.decide({ type: 'erase', contactId, keyOwner: owner }, state);
      changes.push(streamChange({ aggregate: dealAggregate, id, version, generation, events }));
    }
    for (const id of erasure.erasedLeadIds) {
      const { state, version } = await this.shell.log.load(leadAggregate, id);
      const events = leadAggregate.decide({ type: 'erase', contactId }, state);
      if (events.length > 0) changes.push(streamChange({ aggregate: leadAggregate, id, version, events }));
    }
    return changes;
  }
}

/** Hidden people are erased like others: the law asks for the person, not for the row. */
function requireErasable({ principal }: CommandContext, state: ContactState): Exclude<ContactState, { phase: 'none' }> {
  if (state.phase === 'none' || !decide(principal, 'contact', 'view', state).allowed) return refuse('not-found');
  if (!allows(principal, 'records', 'erase')) return refuse('forbidden');
  return state.phase === 'erased' ? refuse('erased') : state;
}
