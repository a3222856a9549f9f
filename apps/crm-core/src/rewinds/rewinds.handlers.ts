import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { v7 as uuidv7 } from 'uuid';
import { refuse } from '#kernel';
import type { AcceptedReply } from '#contracts';
import { allows } from '#policy';
import { CrmCommand, targetOf, type CommandContext } from '../commands/command-context.js';
import { CommandShell } from '../commands/command-shell.js';
import { userAggregate } from '../users/user.aggregate.js';
import { rewindUserBody, windowOf } from './domain/rewind.commands.js';
import type { RewindScope } from './domain/record-plan.js';
import { rewindAggregate } from './rewind.aggregate.js';
import { RewindPlanner } from './rewind-planner.js';
import { RewindStore, type RewindAsker } from './rewind-store.js';

export class RewindUser extends CrmCommand {}

/**
 * Plans the undoing of what a person did, and starts it or, for a dry run, keeps the plan to be read. The id of the answer is the
 * rewind's; version 0 says that nothing was started. No measure counts it: it is an administrator's way back. What it hides is told of.
 */
@CommandHandler(RewindUser)
export class RewindUserHandler implements ICommandHandler<RewindUser> {
  constructor(
    private readonly shell: CommandShell,
    private readonly planner: RewindPlanner,
    private readonly store: RewindStore,
  ) {}

  async execute({ context }: RewindUser): Promise<AcceptedReply> {
    if (!allows(context.principal, 'records', 'rewind')) refuse('forbidden');
    const userId = targetOf(context);
    const { state } = await this.shell.log.load(userAggregate, userId);
    if (state.phase === 'none') refuse('not-found');
    const body = context.body.parse(rewindUserBody);
    const scope: RewindScope = { rewindId: uuidv7(), userId, ...windowOf(body, context.at) };
    const plans = await this.planner.plan(scope);
    if (body.dryRun) {
      const outcome: AcceptedReply = { ok: true, id: scope.rewindId, version: 0 };
      await this.store.keepPreview(scope, askerOf(context), plans, { id: context.commandId, mac: context.bodyMac, outcome });
      return outcome;
    }
    const { since, until } = scope;
    const [changes, conflicts] = [sum(plans, (plan) => plan.changes), sum(plans, (plan) => plan.conflicts)];
    const data = { userId, since, until, changes, conflicts, hides: plans.filter((plan) => plan.hides).length };
    return this.shell.run(context, rewindAggregate, scope.rewindId, ({ state: rewind }) => ({
      events: rewindAggregate.decide({ type: 'start', data }, rewind),
      statements: this.store.beginning('running', scope, askerOf(context), plans),
    }));
  }
}

function sum<T>(items: readonly T[], list: (item: T) => readonly unknown[]): number {
  return items.reduce((total, item) => total + list(item).length, 0);
}

function askerOf({ caller, requestId }: CommandContext): RewindAsker {
  return { ...caller, requestId };
}
