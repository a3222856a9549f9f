import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { v7 as uuidv7 } from 'uuid';
import { refuse, refuseField } from '#kernel';
import type { AcceptedReply } from '#contracts';
import { allows, exceeds, parseGrants, resolveGrants, type Principal } from '#policy';
import { CrmCommand, targetOf, type CommandContext } from '../commands/command-context.js';
import { CommandShell } from '../commands/command-shell.js';
import { AccountRules } from '../users/account-rules.js';
import { changeRoleBody, createRoleBody, type RoleFields } from './domain/role.decider.js';
import { roleAggregate } from './role.aggregate.js';

/** Roles change one after another: what one extends must not change under it. */
const ROLES_LOCK = 'roles';

export class CreateRole extends CrmCommand {}
export class ChangeRole extends CrmCommand {}

function requireEdit({ principal }: CommandContext): void {
  if (!allows(principal, 'roles', 'edit')) refuse('forbidden');
}

/** The role as it will be, with its ancestors: it resolves, and gives nothing that its maker lacks. */
async function requireGrantable(rules: AccountRules, maker: Principal, id: string, fields: RoleFields): Promise<void> {
  const others = (await rules.roles()).filter((role) => role.id !== id);
  if (fields.extendsId !== null && fields.extendsId !== id && !others.some((role) => role.id === fields.extendsId)) {
    refuseField('unknown-reference', 'extends', 'No such role');
  }
  const grants = resolveGrants(id, [...others, { id, ...fields }]);
  if (grants === null) return refuseField('validation-failed', 'extends', 'A role cannot extend itself');
  if (!maker.isAdmin && exceeds(maker.rights, grants).length > 0) refuse('grant-exceeds-own');
}

@CommandHandler(CreateRole)
export class CreateRoleHandler implements ICommandHandler<CreateRole> {
  constructor(
    private readonly shell: CommandShell,
    private readonly rules: AccountRules,
  ) {}

  async execute({ context }: CreateRole): Promise<AcceptedReply> {
    requireEdit(context);
    const { extends: extendsId, grants, name } = context.body.parse(createRoleBody);
    const fields: RoleFields = { name, extendsId, grants: parseGrants(grants) };
    const id = uuidv7();
    return this.shell.run(context, roleAggregate, id, async ({ state }) => {
      await requireGrantable(this.rules, context.principal, id, fields);
      return { events: roleAggregate.decide({ type: 'create', fields }, state), locks: [ROLES_LOCK] };
    });
  }
}

@CommandHandler(ChangeRole)
export class ChangeRoleHandler implements ICommandHandler<ChangeRole> {
  constructor(
    private readonly shell: CommandShell,
    private readonly rules: AccountRules,
  ) {}

  async execute({ context }: ChangeRole): Promise<AcceptedReply> {
    requireEdit(context);
    const id = targetOf(context);
    return this.shell.run(context, roleAggregate, id, async ({ state }) => {
      if (state.phase === 'none') return refuse('not-found');
      const body = context.body.parse(changeRoleBody);
      const changes: Partial<RoleFields> = {
        ...(body.name === undefined ? {} : { name: body.name }),
        ...(body.extends === undefined ? {} : { extendsId: body.extends }),
        ...(body.grants === undefined ? {} : { grants: parseGrants(body.grants) }),
      };
      // What it gives now must be within the maker's own reach too: taking away what one does not hold is not his affair.
      await requireGrantable(this.rules, context.principal, id, state.fields);
      await requireGrantable(this.rules, context.principal, id, { ...state.fields, ...changes });
      return { events: roleAggregate.decide({ type: 'change', changes }, state), locks: [ROLES_LOCK] };
    });
  }
}
