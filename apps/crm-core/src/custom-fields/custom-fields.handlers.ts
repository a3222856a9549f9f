import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { v7 as uuidv7 } from 'uuid';
import { refuse } from '#kernel';
import type { Statement } from '#event-store';
import type { AcceptedReply } from '#contracts';
import { allows, type RecordType } from '#policy';
import { CrmCommand, targetOf, unsealedText, type CommandContext } from '../commands/command-context.js';
import { CommandShell } from '../commands/command-shell.js';
import { customFieldAggregate } from './custom-field.aggregate.js';
import { CUSTOM_FIELD_LIMITS, defineCustomFieldBody } from './domain/custom-field.commands.js';
import type { CustomFieldDefinition } from './domain/custom-field.events.js';

export class DefineCustomField extends CrmCommand {}
export class DeleteCustomField extends CrmCommand {}

function requireEdit({ principal }: CommandContext): void {
  if (!allows(principal, 'settings', 'edit')) refuse('forbidden');
}

/** Run after the projection, under the lock of the kind of record: raises when a name stands twice, or there are too many. */
function requireFields(recordType: RecordType): Statement {
  const values = [recordType, CUSTOM_FIELD_LIMITS.fields];
  return { name: 'require custom fields', text: 'SELECT read.require_custom_fields($1, $2)', values };
}

/** Runs an append whose guard may find the name taken or the place full. */
async function withinLimits<T>(append: () => Promise<T>): Promise<T> {
  try {
    return await append();
  } catch (error) {
    const code = (error as { code?: unknown } | null)?.code;
    if (code === 'PA015') return refuse('already-exists');
    if (code === 'PA016') return refuse('capacity-reached');
    throw error;
  }
}

@CommandHandler(DefineCustomField)
export class DefineCustomFieldHandler implements ICommandHandler<DefineCustomField> {
  constructor(private readonly shell: CommandShell) {}

  async execute({ context }: DefineCustomField): Promise<AcceptedReply> {
    requireEdit(context);
    const { recordType, name, type, choices } = context.body.parse(defineCustomFieldBody);
    const definition: CustomFieldDefinition = {
      recordType,
      name: unsealedText(context, name),
      type,
      choices: choices?.map((choice) => unsealedText(context, choice)) ?? null,
    };
    return withinLimits(() =>
      this.shell.run(context, customFieldAggregate, uuidv7(), ({ state }) => ({
        events: customFieldAggregate.decide({ type: 'define', definition }, state),
        locks: [`custom-fields:${recordType}`],
        statements: [requireFields(recordType)],
      })),
    );
  }
}

@CommandHandler(DeleteCustomField)
export class DeleteCustomFieldHandler implements ICommandHandler<DeleteCustomField> {
  constructor(private readonly shell: CommandShell) {}

  async execute({ context }: DeleteCustomField): Promise<AcceptedReply> {
    requireEdit(context);
    return this.shell.run(context, customFieldAggregate, targetOf(context), ({ state }) => ({
      events: customFieldAggregate.decide({ type: 'delete' }, state),
    }));
  }
}
