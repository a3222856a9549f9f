import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { AcceptedReply } from '#contracts';
import { CrmCommand, targetOf } from '../commands/command-context.js';
import { emailInputs, phoneInputs, tagTexts, textOrNull } from '../records/record-bodies.js';
import { mergePoints } from '../records/domain/contact-point.js';
import { personalText } from '../records/domain/personal-text.js';
import { requireAction } from '../records/record-rights.js';
import { RecordShell } from '../records/record-shell.js';
import { companyAggregate } from './company.aggregate.js';
import { changeCompanyBody, createCompanyBody } from './domain/company.commands.js';
import type { CompanyFields } from './domain/company.events.js';

export class CreateCompany extends CrmCommand {}
export class ChangeCompany extends CrmCommand {}
export class AssignCompany extends CrmCommand {}
export class DeleteCompany extends CrmCommand {}
export class RestoreCompany extends CrmCommand {}

@CommandHandler(CreateCompany)
export class CreateCompanyHandler implements ICommandHandler<CreateCompany> {
  constructor(private readonly records: RecordShell) {}

  async execute({ context }: CreateCompany): Promise<AcceptedReply> {
    this.records.requireCreate(context, 'company');
    const body = context.body.parse(createCompanyBody);
    const region = context.authorization.settings.defaultRegion;
    const responsibleId = await this.records.responsibleOfNew(context, 'company', body.responsibleId);
    const fields: CompanyFields = {
      name: personalText(body.name, region),
      phones: mergePoints('phone', [], phoneInputs(body.phones, region), 'phones'),
      emails: mergePoints('email', [], emailInputs(body.emails, region), 'emails'),
      website: textOrNull(body.website, region),
      address: textOrNull(body.address, region),
      note: textOrNull(body.note, region),
      tags: tagTexts(body.tags, region),
      customFields: await this.records.customValues(context, 'company', body.customFields),
    };
    return this.records.shell.create(context, companyAggregate, ({ state }) => ({
      events: companyAggregate.decide({ type: 'create', fields, responsibleId, leadId: null }, state),
    }));
  }
}

@CommandHandler(ChangeCompany)
export class ChangeCompanyHandler implements ICommandHandler<ChangeCompany> {
  constructor(private readonly records: RecordShell) {}

  execute({ context }: ChangeCompany): Promise<AcceptedReply> {
    return this.records.shell.run(context, companyAggregate, targetOf(context), async ({ state }) => {
      const { fields } = requireAction(context.principal, 'company', 'edit', state);
      const body = context.body.parse(changeCompanyBody);
      const region = context.authorization.settings.defaultRegion;
      const changes: Partial<CompanyFields> = {
        ...(body.name === undefined ? {} : { name: personalText(body.name, region) }),
        ...(body.phones && { phones: mergePoints('phone', fields.phones, phoneInputs(body.phones, region), 'phones') }),
        ...(body.emails && { emails: mergePoints('email', fields.emails, emailInputs(body.emails, region), 'emails') }),
        ...(body.website === undefined ? {} : { website: textOrNull(body.website, region) }),
        ...(body.address === undefined ? {} : { address: textOrNull(body.address, region) }),
        ...(body.note === undefined ? {} : { note: textOrNull(body.note, region) }),
        ...(body.tags && { tags: tagTexts(body.tags, region) }),
        ...(body.customFields && { customFields: await this.records.customValues(context, 'company', body.customFields) }),
      };
      const events = companyAggregate.decide({ type: 'change', changes }, state);
      if (body.responsibleId === undefined) return { events };
      const assigned = await this.records.reassign(context, 'company', companyAggregate, state, body.responsibleId);
      return { ...assigned, events: [...events, ...assigned.events] };
    });
  }
}

@CommandHandler(AssignCompany)
export class AssignCompanyHandler implements ICommandHandler<AssignCompany> {
  constructor(private readonly records: RecordShell) {}

  execute({ context }: AssignCompany): Promise<AcceptedReply> {
    return this.records.assign(context, 'company', companyAggregate);
  }
}

@CommandHandler(DeleteCompany)
export class DeleteCompanyHandler implements ICommandHandler<DeleteCompany> {
  constructor(private readonly records: RecordShell) {}

  execute({ context }: DeleteCompany): Promise<AcceptedReply> {
    return this.records.delete(context, 'company', companyAggregate);
  }
}

@CommandHandler(RestoreCompany)
export class RestoreCompanyHandler implements ICommandHandler<RestoreCompany> {
  constructor(private readonly records: RecordShell) {}

  execute({ context }: RestoreCompany): Promise<AcceptedReply> {
    return this.records.restore(context, 'company', companyAggregate);
  }
}
