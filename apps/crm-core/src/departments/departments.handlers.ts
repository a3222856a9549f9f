import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { refuse, refuseField } from '#kernel';
import type { AcceptedReply } from '#contracts';
import { allows } from '#policy';
import { judgedAgain } from '../authz/judged-again.js';
import { CrmCommand, targetOf, unsealedText, type CommandContext } from '../commands/command-context.js';
import { CommandShell } from '../commands/command-shell.js';
import { CORE_POOL } from '../log/log.module.js';
import { departmentAggregate } from './department.aggregate.js';
import {
  changeDepartmentBody,
  createDepartmentBody,
  wouldCircle,
  type DepartmentFields,
  type DepartmentNode,
} from './domain/department.decider.js';

/** Moves in the tree go one after another: each is judged on the tree that the one before left. */
const TREE_LOCK = 'departments';
const REQUIRE_TREE = { name: 'require department tree', text: 'SELECT read.require_department_tree()', values: [] };

export class CreateDepartment extends CrmCommand {}
export class ChangeDepartment extends CrmCommand {}

function requireEdit({ principal }: CommandContext): void {
  if (!allows(principal, 'departments', 'edit')) refuse('forbidden');
}

async function readTree(pool: Pool): Promise<readonly DepartmentNode[]> {
  const result = await pool.query<DepartmentNode>('SELECT id, parent_id AS "parentId" FROM read.departments');
  return result.rows;
}

function requirePlace(tree: readonly DepartmentNode[], id: string, parentId: string | null): void {
  if (parentId !== null && !tree.some((node) => node.id === parentId))
    refuseField('unknown-reference', 'parentId', 'No such department');
  if (wouldCircle(tree, id, parentId)) refuseField('validation-failed', 'parentId', 'A department cannot stand below itself');
}

function masked<Body extends { name?: string | undefined }>(context: CommandContext, body: Body): Body {
  return body.name === undefined ? body : { ...body, name: unsealedText(context, body.name) };
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
    return this.shell.run(context, departmentAggregate, id, async ({ state }) => {
      requirePlace(await readTree(this.pool), id, fields.parentId);
      return { events: departmentAggregate.decide({ type: 'create', fields }, state) };
    });
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
    return judgedAgain('PA012', () =>
      this.shell.run(context, departmentAggregate, id, async ({ state }) => {
        if (state.phase === 'none') return refuse('not-found');
        const changes = masked(context, context.body.parse(changeDepartmentBody)) as Partial<DepartmentFields>;
        const events = departmentAggregate.decide({ type: 'change', changes }, state);
        if (changes.parentId === undefined) return { events };
        requirePlace(await readTree(this.pool), id, changes.parentId);
        return { events, locks: [TREE_LOCK], statements: [REQUIRE_TREE] };
      }),
    );
  }
}
