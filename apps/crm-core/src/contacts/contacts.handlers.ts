import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { AcceptedReply } from '#contracts';
import { CrmCommand, targetOf } from '../commands/command-context.js';
import { emailInputs, phoneInputs, tagTexts, textOrNull } from '../records/record-bodies.js';
import { mergePoints } from '../records/domain/contact-point.js';
import { personalText } from '../records/domain/personal-text.js';
import { requireAction } from '../records/record-rights.js';
import { RecordShell } from '../records/record-shell.js';
import { contactAggregate } from './contact.aggregate.js';
import { changeContactBody, createContactBody } from './domain/contact.commands.js';
import type { ContactFields } from './domain/contact.events.js';

export class CreateContact extends CrmCommand {}
export class ChangeContact extends CrmCommand {}
export class AssignContact extends CrmCommand {}
export class DeleteContact extends CrmCommand {}
export class RestoreContact extends CrmCommand {}

@CommandHandler(CreateContact)
export class CreateContactHandler implements ICommandHandler<CreateContact> {
  constructor(private readonly records: RecordShell) {}

  async execute({ context }: CreateContact): Promise<AcceptedReply> {
    this.records.requireCreate(context, 'contact');
    const body = context.body.parse(createContactBody);
    const region = context.authorization.settings.defaultRegion;
    const responsibleId = await this.records.responsibleOfNew(context, 'contact', body.responsibleId);
    if (body.companyId !== null) await this.records.references.requireVisible(context.principal, 'company', [body.companyId]);
    const fields: ContactFields = {
      name: personalText(body.name, region),
      phones: mergePoints('phone', [], phoneInputs(body.phones, region), 'phones'),
      emails: mergePoints('email', [], emailInputs(body.emails, region), 'emails'),
      companyId: body.companyId,
      note: textOrNull(body.note, region),
      tags: tagTexts(body.tags, region),
      customFields: await this.records.customValues(context, 'contact', body.customFields),
    };
    return this.records.shell.create(context, contactAggregate, ({ state }) => ({
      events: contactAggregate.decide({ type: 'create', fields, responsibleId, leadId: null }, state),
    }));
  }
}

@CommandHandler(ChangeContact)
export class ChangeContactHandler implements ICommandHandler<ChangeContact> {
  constructor(private readonly records: RecordShell) {}

  execute({ context }: ChangeContact): Promise<AcceptedReply> {
    return this.records.shell.run(context, contactAggregate, targetOf(context), async ({ state }) => {
      const { fields } = requireAction(context.principal, 'contact', 'edit', state);
      const body = context.body.parse(changeContactBody);
      const region = context.authorization.settings.defaultRegion;
      if (body.companyId) await this.records.references.requireVisible(context.principal, 'company', [body.companyId]);
      const changes: Partial<ContactFields> = {
        ...(body.name === undefined ? {} : { name: personalText(body.name, region) }),
        ...(body.phones && { phones: mergePoints('phone', fields.phones, phoneInputs(body.phones, region), 'phones') }),
        ...(body.emails && { emails: mergePoints('email', fields.emails, emailInputs(body.emails, region), 'emails') }),
        ...(body.companyId === undefined ? {} : { companyId: body.companyId }),
        ...(body.note === undefined ? {} : { note: textOrNull(body.note, region) }),
        ...(body.tags && { tags: tagTexts(body.tags, region) }),
        ...(body.customFields && { customFields: await this.records.customValues(context, 'contact', body.customFields) }),
      };
      const events = contactAggregate.decide({ type: 'change', changes }, state);
      if (body.responsibleId === undefined) return { events };
      const assigned = await this.records.reassign(context, 'contact', contactAggregate, state, body.responsibleId);
      return { ...assigned, events: [...events, ...assigned.events] };
    });
  }
}

@CommandHandler(AssignContact)
export class AssignContactHandler implements ICommandHandler<AssignContact> {
  constructor(private readonly records: RecordShell) {}

  execute({ context }: AssignContact): Promise<AcceptedReply> {
    return this.records.assign(context, 'contact', contactAggregate);
  }
}

@CommandHandler(DeleteContact)
export class DeleteContactHandler implements ICommandHandler<DeleteContact> {
  constructor(private readonly records: RecordShell) {}

  execute({ context }: DeleteContact): Promise<AcceptedReply> {
    return this.records.delete(context, 'contact', contactAggregate);
  }
}

@CommandHandler(RestoreContact)
export class RestoreContactHandler implements ICommandHandler<RestoreContact> {
  constructor(private readonly records: RecordShell) {}

  execute({ context }: RestoreContact): Promise<AcceptedReply> {
    return this.records.restore(context, 'contact', contactAggregate);
  }
}
