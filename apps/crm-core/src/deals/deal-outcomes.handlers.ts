import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { AcceptedReply } from '#contracts';
import { CrmCommand, targetOf, type CommandContext } from '../commands/command-context.js';
import { personalText } from '../records/domain/personal-text.js';
import { requireAction } from '../records/record-rights.js';
import { RecordShell } from '../records/record-shell.js';
import { dealAggregate } from './deal.aggregate.js';
import { loseDealBody } from './domain/deal.commands.js';
import type { DealCommand } from './domain/deal.decider.js';

export class WinDeal extends CrmCommand {}
export class LoseDeal extends CrmCommand {}
export class ReopenDeal extends CrmCommand {}

/** Closing and reopening take the right to move, which is the right to say how far a deal has come. */
function decideOutcome(records: RecordShell, context: CommandContext, command: () => DealCommand): Promise<AcceptedReply> {
  return records.shell.run(context, dealAggregate, targetOf(context), ({ state }) => {
    requireAction(context.principal, 'deal', 'move', state);
    return { events: dealAggregate.decide(command(), state) };
  });
}

@CommandHandler(WinDeal)
export class WinDealHandler implements ICommandHandler<WinDeal> {
  constructor(private readonly records: RecordShell) {}

  execute({ context }: WinDeal): Promise<AcceptedReply> {
    return decideOutcome(this.records, context, () => ({ type: 'win' }));
  }
}

@CommandHandler(LoseDeal)
export class LoseDealHandler implements ICommandHandler<LoseDeal> {
  constructor(private readonly records: RecordShell) {}

  execute({ context }: LoseDeal): Promise<AcceptedReply> {
    return decideOutcome(this.records, context, () => {
      const { reason } = context.body.parse(loseDealBody);
      return { type: 'lose', reason: personalText(reason, context.authorization.settings.defaultRegion) };
    });
  }
}

@CommandHandler(ReopenDeal)
export class ReopenDealHandler implements ICommandHandler<ReopenDeal> {
  constructor(private readonly records: RecordShell) {}

  execute({ context }: ReopenDeal): Promise<AcceptedReply> {
    return decideOutcome(this.records, context, () => ({ type: 'reopen' }));
  }
}
