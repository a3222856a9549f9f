import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { v7 as uuidv7 } from 'uuid';
import { refuse } from '#kernel';
import type { AcceptedReply } from '#contracts';
import { filterFor, mayAtAll, type RecordFilter } from '#policy';
import { CrmCommand, type CommandContext } from '../commands/command-context.js';
import { CommandShell } from '../commands/command-shell.js';
import { Gate } from '../commands/gate.js';
import { completeNumber } from './domain/complete-number.js';
import { lookUpBody } from './domain/lookup.commands.js';
import { lookupAggregate } from './lookup.aggregate.js';
import { NumberOwners } from './number-owners.js';

export class LookUpPhone extends CrmCommand {}

/**
 * Finds the records of a complete number that the person may see. Whatever it finds, the way is the same: one statement, one passage
 * of the gate, one event.
 */
@CommandHandler(LookUpPhone)
export class LookUpPhoneHandler implements ICommandHandler<LookUpPhone> {
  constructor(
    private readonly shell: CommandShell,
    private readonly gate: Gate,
    private readonly owners: NumberOwners,
  ) {}

  async execute({ context }: LookUpPhone): Promise<AcceptedReply> {
    if (!(['contact', 'company'] as const).some((type) => mayAtAll(context.principal, type, 'view'))) refuse('forbidden');
    const number = completeNumber(context.body.parse(lookUpBody).number, context.authorization.settings.defaultRegion);
    const found = await this.owners.find(number, {
      contact: filterOf(context, 'contact'),
      company: filterOf(context, 'company'),
    });
    const matches = found.map(({ type, id }) => ({ type, id }));
    const idsOf = (type: 'contact' | 'company'): readonly string[] =>
      matches.filter((match) => match.type === type).map(({ id }) => id);
    return this.shell.run(context, lookupAggregate, uuidv7(), ({ state }) => ({
      events: lookupAggregate.decide({ type: 'look-up', matches }, state),
      beforeAppend: () => this.gate.admitLookup(context, { contact: idsOf('contact'), company: idsOf('company') }),
    }));
  }
}

/** An API token hears of the kinds of records that it is for. */
function filterOf({ principal, among }: CommandContext, type: 'contact' | 'company'): RecordFilter {
  return among === undefined || among.includes(type) ? filterFor(principal, type, 'view') : { kind: 'nothing' };
}
