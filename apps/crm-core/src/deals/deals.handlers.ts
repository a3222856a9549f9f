import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { refuse } from '#kernel';
import type { AcceptedReply } from '#contracts';
import type { Principal } from '#policy';
import { CrmCommand, targetOf, type CommandContext } from '../commands/command-context.js';
import type { Plan } from '../commands/command-shell.js';
import { inPresentStage, requireStage } from '../pipelines/stage-guards.js';
import { tagTexts, textOrNull } from '../records/record-bodies.js';
import { personalText } from '../records/domain/personal-text.js';
import { keepingContacts, type RecordReferences } from '../records/record-references.js';
import { requireAction } from '../records/record-rights.js';
import { RecordShell } from '../records/record-shell.js';
import { dealAggregate } from './deal.aggregate.js';
import { changeDealBody, createDealBody, moveDealBody } from './domain/deal.commands.js';
import type { DealFields } from './domain/deal.events.js';

export class CreateDeal extends CrmCommand {}
export class ChangeDeal extends CrmCommand {}
export class AssignDeal extends CrmCommand {}
export class DeleteDeal extends CrmCommand {}
export class RestoreDeal extends CrmCommand {}
export class MoveDeal extends CrmCommand {}

type Links = Pick<DealFields, 'contactIds' | 'companyId'>;
const NO_LINKS: Links = { contactIds: [], companyId: null };

/**
 * What the change links anew must be visible; what the deal is linked with already may stay, seen or not. Answers what the append has
 * to hold on to: a person who is erased at the same time is not linked.
 */
async function requireLinkable(
  references: RecordReferences,
  principal: Principal,
  { contactIds = [], companyId = null }: { contactIds?: readonly string[] | undefined; companyId?: string | null | undefined },
  present: Links,
): Promise<Pick<Plan<never>, 'locks' | 'guards'>> {
  const addedIds = contactIds.filter((id) => !present.contactIds.includes(id));
  await references.requireVisible(principal, 'contact', addedIds);
  if (companyId !== null && companyId !== present.companyId) await references.requireVisible(principal, 'company', [companyId]);
  return addedIds.length === 0 ? {} : references.keepingContacts(addedIds);
}

@CommandHandler(CreateDeal)
export class CreateDealHandler implements ICommandHandler<CreateDeal> {
  constructor(private readonly records: RecordShell) {}

  execute({ context }: CreateDeal): Promise<AcceptedReply> {
    return inPresentStage(() => this.create(context));
  }

  private async create(context: CommandContext): Promise<AcceptedReply> {
    this.records.requireCreate(context, 'deal');
    const body = context.body.parse(createDealBody);
    const region = context.authorization.settings.defaultRegion;
    const { references } = this.records;
    const responsibleId = await this.records.responsibleOfNew(context, 'deal', body.responsibleId);
    const held = await requireLinkable(references, context.principal, body, NO_LINKS);
    const place = await references.resolveStage(body.pipelineId, body.stageId);
    const fields: DealFields = {
      title: personalText(body.title, region),
      amount: body.amount,
      contactIds: body.contactIds,
      companyId: body.companyId,
      note: textOrNull(body.note, region),
      tags: tagTexts(body.tags, region),
      customFields: await this.records.customValues(context, 'deal', body.customFields),
    };
    return keepingContacts(() =>
      this.records.shell.create(context, dealAggregate, ({ state }) => ({
        events: dealAggregate.decide({ type: 'create', fields, ...place, attribution: null, responsibleId, leadId: null }, state),
        statements: [requireStage(place.pipelineId, place.stageId)],
        ...held,
      })),
    );
  }
}

@CommandHandler(ChangeDeal)
export class ChangeDealHandler implements ICommandHandler<ChangeDeal> {
  constructor(private readonly records: RecordShell) {}

  execute({ context }: ChangeDeal): Promise<AcceptedReply> {
    return keepingContacts(() => this.change(context));
  }

  private change(context: CommandContext): Promise<AcceptedReply> {
    return this.records.shell.run(context, dealAggregate, targetOf(context), async ({ state }) => {
      const { fields } = requireAction(context.principal, 'deal', 'edit', state);
      const body = context.body.parse(changeDealBody);
      const region = context.authorization.settings.defaultRegion;
      const held = await requireLinkable(this.records.references, context.principal, body, fields);
      const changes: Partial<DealFields> = {
        ...(body.title === undefined ? {} : { title: personalText(body.title, region) }),
        ...(body.amount === undefined ? {} : { amount: body.amount }),
        ...(body.contactIds && { contactIds: body.contactIds }),
        ...(body.companyId === undefined ? {} : { companyId: body.companyId }),
        ...(body.note === undefined ? {} : { note: textOrNull(body.note, region) }),
        ...(body.tags && { tags: tagTexts(body.tags, region) }),
        ...(body.customFields && { customFields: await this.records.customValues(context, 'deal', body.customFields) }),
      };
      const events = dealAggregate.decide({ type: 'change', changes }, state);
      if (body.responsibleId === undefined) return { events, ...held };
      const assigned = await this.records.reassign(context, 'deal', dealAggregate, state, body.responsibleId);
      return { ...assigned, ...held, events: [...events, ...assigned.events] };
    });
  }
}

@CommandHandler(MoveDeal)
export class MoveDealHandler implements ICommandHandler<MoveDeal> {
  constructor(private readonly records: RecordShell) {}

  execute({ context }: MoveDeal): Promise<AcceptedReply> {
    return inPresentStage(() => this.move(context));
  }

  private move(context: CommandContext): Promise<AcceptedReply> {
    return this.records.shell.run(context, dealAggregate, targetOf(context), async ({ state }) => {
      requireAction(context.principal, 'deal', 'move', state);
      if (state.phase === 'none') return refuse('not-found');
      const body = context.body.parse(moveDealBody);
      const { pipelineId, stageId } = await this.records.references.resolveStage(state.pipelineId, body.stageId);
      const events = dealAggregate.decide({ type: 'move', stageId }, state);
      return { events, statements: [requireStage(pipelineId, stageId)] };
    });
  }
}

@CommandHandler(AssignDeal)
export class AssignDealHandler implements ICommandHandler<AssignDeal> {
  constructor(private readonly records: RecordShell) {}

  execute({ context }: AssignDeal): Promise<AcceptedReply> {
    return this.records.assign(context, 'deal', dealAggregate);
  }
}

@CommandHandler(DeleteDeal)
export class DeleteDealHandler implements ICommandHandler<DeleteDeal> {
  constructor(private readonly records: RecordShell) {}

  execute({ context }: DeleteDeal): Promise<AcceptedReply> {
    return this.records.delete(context, 'deal', dealAggregate);
  }
}

@CommandHandler(RestoreDeal)
export class RestoreDealHandler implements ICommandHandler<RestoreDeal> {
  constructor(private readonly records: RecordShell) {}

  execute({ context }: RestoreDeal): Promise<AcceptedReply> {
    return this.records.restore(context, 'deal', dealAggregate);
  }
}
