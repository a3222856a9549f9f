import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { refuse, refuseField } from '#kernel';
import type { AcceptedReply } from '#contracts';
import { allows, compileRights, departmentsAbove, type Department, type Grants } from '#policy';
import { readAccount, readCompany } from '../authz/company.js';
import { refuseOwnChange, requireGivable, type Company } from '../authz/granting.js';
import { judgedAgain } from '../authz/judged-again.js';
import { weakenedRights, type WeakenedRight } from '../authz/weakened-rights.js';
import { naming, unlessInUse, unused, whileTheyStand } from '../authz/references.js';
import { CrmCommand, targetOf, unsealedText, type CommandContext } from '../commands/command-context.js';
import { CommandShell } from '../commands/command-shell.js';
import { CORE_POOL } from '../log/log.module.js';
import { departmentAggregate } from './department.aggregate.js';
import {
  changeDepartmentBody,
  createDepartmentBody,
  departmentRolesBody,
  wouldCircle,
  type DepartmentFields,
} from './domain/department.decider.js';

/** Moves in the tree go one after another: each is judged on the tree that the one before left. */
const TREE_LOCK = 'departments';
const REQUIRE_TREE = { name: 'require department tree', text: 'SELECT read.require_department_tree()', values: [] };

export class CreateDepartment extends CrmCommand {}
export class ChangeDepartment extends CrmCommand {}
export class ChangeDepartmentRoles extends CrmCommand {}
export class DeleteDepartment extends CrmCommand {}

function requireEdit({ principal }: CommandContext): void {
  if (!allows(principal, 'departments', 'edit')) refuse('forbidden');
}

function requirePlace(departments: readonly Department[], id: string, parentId: string | null): void {
  const tree = departments.map((node) => ({ id: node.id, parentId: node.parentId ?? null }));
  if (parentId !== null && !tree.some((node) => node.id === parentId))
    refuseField('unknown-reference', 'parentId', 'No such department');
  if (wouldCircle(tree, id, parentId)) refuseField('validation-failed', 'parentId', 'A department cannot stand below itself');
}

function masked<Body extends { name?: string | undefined }>(context: CommandContext, body: Body): Body {
  return body.name === undefined ? body : { ...body, name: unsealedText(context, body.name) };
}

/** The company with one department changed. */
function withDepartment({ roles, departments }: Company, id: string, change: Partial<Department>): Company {
  return { roles, departments: departments.map((one) => (one.id === id ? { ...one, ...change } : one)) };
}

/** Ids of the roles that the people of a department hold by it and by those above it. */
function rolesFrom(id: string, { departments }: Company): readonly string[] {
  const above = new Set(departmentsAbove(id, departments));
  return departments.filter((one) => above.has(one.id)).flatMap(({ roleIds }) => roleIds ?? []);
}

/** What the people of a department hold by it and by those above it. */
function grantsFrom(id: string, company: Company): Grants {
  return compileRights({ isAdmin: false, roles: company.roles, roleIds: rolesFrom(id, company) }).toJSON();
}

function weakenedBetween(id: string, before: Company, after: Company): readonly WeakenedRight[] {
  return weakenedRights(grantsFrom(id, before), grantsFrom(id, after));
}

/**
 * A change of what a department gives to its people. Nobody gives, or takes away, what he does not hold himself
 * (`grant-exceeds-own`), nor changes his own rights by it (`own-privileges`).
 */
async function requireGrantable(pool: Pool, context: CommandContext, id: string, before: Company, after: Company): Promise<void> {
  refuseOwnChange(await readAccount(pool, context.principal.userId), before, after);
  const [had, has] = [rolesFrom(id, before), rolesFrom(id, after)];
  const differing = [...had.filter((role) => !has.includes(role)), ...has.filter((role) => !had.includes(role))];
  requireGivable(context.principal, before, differing);
}

@CommandHandler(CreateDepartment)
export class CreateDepartmentHandler implements ICommandHandler<CreateDepartment> {
  constructor(
    private readonly shell: CommandShell,
    @Inject(CORE_POOL) private readonly pool: Pool,
  ) {}

  async execute({ context }: CreateDepartment): Promise<AcceptedReply> {
    requireEdit(context);
    const fields = masked(context, context.body.parse(createDepartmentBody));
    const id = uuidv7();
    return whileTheyStand(() =>
      this.shell.run(context, departmentAggregate, id, async ({ state }) => {
        requirePlace((await readCompany(this.pool)).departments, id, fields.parentId);
        return { events: departmentAggregate.decide({ type: 'create', fields }, state), ...naming([], fields.parentId) };
      }),
    );
  }
}

@CommandHandler(ChangeDepartment)
export class ChangeDepartmentHandler implements ICommandHandler<ChangeDepartment> {
  constructor(
    private readonly shell: CommandShell,
    @Inject(CORE_POOL) private readonly pool: Pool,
  ) {}

  async execute({ context }: ChangeDepartment): Promise<AcceptedReply> {
    requireEdit(context);
    const id = targetOf(context);
    const change = (): Promise<AcceptedReply> =>
      this.shell.run(context, departmentAggregate, id, async ({ state }) => {
        if (state.phase !== 'live') return refuse('not-found');
        const changes = masked(context, context.body.parse(changeDepartmentBody)) as Partial<DepartmentFields>;
        const { parentId } = changes;
        if (parentId === undefined)
          return { events: departmentAggregate.decide({ type: 'change', changes, weakened: [] }, state) };
        const company = await readCompany(this.pool);
        requirePlace(company.departments, id, parentId);
        const moved = withDepartment(company, id, { parentId });
        await requireGrantable(this.pool, context, id, company, moved);
        const weakened = weakenedBetween(id, company, moved);
        const events = departmentAggregate.decide({ type: 'change', changes, weakened }, state);
        const { locks, guards } = naming([], parentId);
        return { events, locks: [TREE_LOCK, ...locks], guards, statements: [REQUIRE_TREE] };
      });
    return judgedAgain('PA012', () => whileTheyStand(change));
  }
}

/** `PUT /v1/departments/:id/roles`: all roles that the department has from now on. */
@CommandHandler(ChangeDepartmentRoles)
export class ChangeDepartmentRolesHandler implements ICommandHandler<ChangeDepartmentRoles> {
  constructor(
    private readonly shell: CommandShell,
    @Inject(CORE_POOL) private readonly pool: Pool,
  ) {}

  async execute({ context }: ChangeDepartmentRoles): Promise<AcceptedReply> {
    requireEdit(context);
    const id = targetOf(context);
    return whileTheyStand(() =>
      this.shell.run(context, departmentAggregate, id, async ({ state }) => {
        if (state.phase !== 'live') return refuse('not-found');
        const { roleIds } = context.body.parse(departmentRolesBody);
        const company = await readCompany(this.pool);
        const missing = roleIds.findIndex((role) => !company.roles.some((one) => one.id === role));
        if (missing >= 0) refuseField('unknown-reference', `roleIds.${missing}`, 'No such role');
        const given = withDepartment(company, id, { roleIds });
        await requireGrantable(this.pool, context, id, company, given);
        const weakened = weakenedBetween(id, company, given);
        return { events: departmentAggregate.decide({ type: 'change-roles', roleIds, weakened }, state), ...naming(roleIds) };
      }),
    );
  }
}

@CommandHandler(DeleteDepartment)
export class DeleteDepartmentHandler implements ICommandHandler<DeleteDepartment> {
  constructor(private readonly shell: CommandShell) {}

  async execute({ context }: DeleteDepartment): Promise<AcceptedReply> {
    requireEdit(context);
    const id = targetOf(context);
    return unlessInUse(() =>
      this.shell.run(context, departmentAggregate, id, ({ state }) => ({
        events: departmentAggregate.decide({ type: 'delete' }, state),
        guards: [unused('department', id)],
      })),
    );
  }
}
