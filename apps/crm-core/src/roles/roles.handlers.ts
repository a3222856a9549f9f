import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { v7 as uuidv7 } from 'uuid';
import { refuse, refuseField } from '#kernel';
import type { AcceptedReply } from '#contracts';
import { allows, exceeds, resolveGrants, type Grants, type Principal, type Role } from '#policy';
import { judgedAgain } from '../authz/judged-again.js';
import { CrmCommand, targetOf, unsealedText, type CommandContext } from '../commands/command-context.js';
import { CommandShell } from '../commands/command-shell.js';
import { AccountRules } from '../users/account-rules.js';
import { changeRoleBody, createRoleBody, readGrants, type RoleFields } from './domain/role.decider.js';
import { roleAggregate } from './role.aggregate.js';

/** Changes of what a role extends go one after another: each is judged on what the one before left. */
const ROLES_LOCK = 'roles';
const REQUIRE_TREE = { name: 'require role tree', text: 'SELECT read.require_role_tree()', values: [] };

export class CreateRole extends CrmCommand {}
export class ChangeRole extends CrmCommand {}

function requireEdit({ principal }: CommandContext): void {
  if (!allows(principal, 'roles', 'edit')) refuse('forbidden');
}

/** What the role gives with its parents. Throws `unknown-reference` and, for a circle, `validation-failed`. */
function resolved(others: readonly Role[], id: string, fields: RoleFields): Grants {
  if (fields.extendsId !== null && fields.extendsId !== id && !others.some((role) => role.id === fields.extendsId)) {
    refuseField('unknown-reference', 'extends', 'No such role');
  }
  const grants = resolveGrants(id, [...others, { id, ...fields }]);
  return grants ?? refuseField('validation-failed', 'extends', 'A role cannot extend itself');
}

function requireHeld({ rights }: Principal, grants: Grants): void {
  if (exceeds(rights, grants).length > 0) refuse('grant-exceeds-own');
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
    const fields: RoleFields = { name: unsealedText(context, name), extendsId, grants: readGrants(grants) };
    const id = uuidv7();
    return this.shell.run(context, roleAggregate, id, async ({ state }) => {
      const after = resolved(await this.rules.roles(), id, fields);
      requireHeld(context.principal, after);
      return { events: roleAggregate.decide({ type: 'create', fields, resolved: { before: {}, after } }, state) };
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
    return judgedAgain('PA014', () =>
      this.shell.run(context, roleAggregate, id, async ({ state }) => {
        if (state.phase === 'none') return refuse('not-found');
        const others = (await this.rules.roles()).filter((role) => role.id !== id);
        const before = resolved(others, id, state.fields);
        // Taking away what one does not hold oneself is not one's affair either.
        requireHeld(context.principal, before);
        const changes = changesOf(context);
        const after = resolved(others, id, { ...state.fields, ...changes });
        requireHeld(context.principal, after);
        const events = roleAggregate.decide({ type: 'change', changes, resolved: { before, after } }, state);
        return changes.extendsId === undefined ? { events } : { events, locks: [ROLES_LOCK], statements: [REQUIRE_TREE] };
      }),
    );
  }
}

function changesOf(context: CommandContext): Partial<RoleFields> {
  const body = context.body.parse(changeRoleBody);
  return {
    ...(body.name === undefined ? {} : { name: unsealedText(context, body.name) }),
    ...(body.extends === undefined ? {} : { extendsId: body.extends }),
    ...(body.grants === undefined ? {} : { grants: readGrants(body.grants) }),
  };
}
