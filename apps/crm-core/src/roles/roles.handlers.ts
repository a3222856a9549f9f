import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { refuse, refuseField } from '#kernel';
import type { AcceptedReply } from '#contracts';
import { allows, resolveGrants, type Grants, type Role } from '#policy';
import { readAccount, readCompany } from '../authz/company.js';
import { refuseOwnChange, requireHeld } from '../authz/granting.js';
import { judgedAgain } from '../authz/judged-again.js';
import { naming, unlessInUse, unused, whileTheyStand } from '../authz/references.js';
import { CrmCommand, targetOf, unsealedText, type CommandContext } from '../commands/command-context.js';
import { CommandShell } from '../commands/command-shell.js';
import { CORE_POOL } from '../log/log.module.js';
import { changeRoleBody, createRoleBody, readGrants, type RoleFields } from './domain/role.decider.js';
import { roleAggregate } from './role.aggregate.js';

/** Changes of what a role extends go one after another: each is judged on what the one before left. */
const ROLES_LOCK = 'roles';
const REQUIRE_TREE = { name: 'require role tree', text: 'SELECT read.require_role_tree()', values: [] };

export class CreateRole extends CrmCommand {}
export class ChangeRole extends CrmCommand {}
export class DeleteRole extends CrmCommand {}

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

const parentOf = ({ extendsId }: Partial<RoleFields>): readonly string[] =>
  extendsId === undefined || extendsId === null ? [] : [extendsId];

@CommandHandler(CreateRole)
export class CreateRoleHandler implements ICommandHandler<CreateRole> {
  constructor(
    private readonly shell: CommandShell,
    @Inject(CORE_POOL) private readonly pool: Pool,
  ) {}

  async execute({ context }: CreateRole): Promise<AcceptedReply> {
    requireEdit(context);
    const { extends: extendsId, grants, name, requireSecondFactor } = context.body.parse(createRoleBody);
    const fields: RoleFields = { name: unsealedText(context, name), extendsId, grants: readGrants(grants), requireSecondFactor };
    const id = uuidv7();
    return whileTheyStand(() =>
      this.shell.run(context, roleAggregate, id, async ({ state }) => {
        const after = resolved((await readCompany(this.pool)).roles, id, fields);
        requireHeld(context.principal, after);
        const events = roleAggregate.decide({ type: 'create', fields, resolved: { before: {}, after } }, state);
        return { events, ...naming(parentOf(fields)) };
      }),
    );
  }
}

@CommandHandler(ChangeRole)
export class ChangeRoleHandler implements ICommandHandler<ChangeRole> {
  constructor(
    private readonly shell: CommandShell,
    @Inject(CORE_POOL) private readonly pool: Pool,
  ) {}

  async execute({ context }: ChangeRole): Promise<AcceptedReply> {
    requireEdit(context);
    const id = targetOf(context);
    const change = (): Promise<AcceptedReply> =>
      this.shell.run(context, roleAggregate, id, async ({ state }) => {
        if (state.phase !== 'live') return refuse('not-found');
        const { roles, departments } = await readCompany(this.pool);
        const others = roles.filter((role) => role.id !== id);
        const before = resolved(others, id, state.fields);
        // Taking away what one does not hold oneself is not one's affair either.
        requireHeld(context.principal, before);
        const changes = changesOf(context);
        const fields = { ...state.fields, ...changes };
        const after = resolved(others, id, fields);
        const me = await readAccount(this.pool, context.principal.userId);
        refuseOwnChange(me, { roles, departments }, { roles: [...others, { id, ...fields }], departments });
        requireHeld(context.principal, after);
        const events = roleAggregate.decide({ type: 'change', changes, resolved: { before, after } }, state);
        if (changes.extendsId === undefined) return { events };
        const { locks, guards } = naming(parentOf(changes));
        return { events, locks: [ROLES_LOCK, ...locks], guards, statements: [REQUIRE_TREE] };
      });
    return judgedAgain('PA014', () => whileTheyStand(change));
  }
}

@CommandHandler(DeleteRole)
export class DeleteRoleHandler implements ICommandHandler<DeleteRole> {
  constructor(
    private readonly shell: CommandShell,
    @Inject(CORE_POOL) private readonly pool: Pool,
  ) {}

  async execute({ context }: DeleteRole): Promise<AcceptedReply> {
    requireEdit(context);
    const id = targetOf(context);
    return unlessInUse(() =>
      this.shell.run(context, roleAggregate, id, async ({ state }) => {
        if (state.phase !== 'live') return refuse('not-found');
        const { roles } = await readCompany(this.pool);
        requireHeld(context.principal, resolveGrants(id, roles) ?? state.fields.grants);
        return { events: roleAggregate.decide({ type: 'delete' }, state), guards: [unused('role', id)] };
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
    ...(body.requireSecondFactor === undefined ? {} : { requireSecondFactor: body.requireSecondFactor }),
  };
}
