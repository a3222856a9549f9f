import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { v7 as uuidv7 } from 'uuid';
import { refuse, refuseField } from '#kernel';
import { SYSTEM_USER_ID, type AcceptedReply } from '#contracts';
import { allows } from '#policy';
import { requireGivable, requireManageable, rightsIn, type Company } from '../authz/granting.js';
import { weakenedRights } from '../authz/weakened-rights.js';
import { naming, whileTheyStand } from '../authz/references.js';
import { CrmCommand, targetOf, unsealedText, type CommandContext } from '../commands/command-context.js';
import { CommandShell } from '../commands/command-shell.js';
import {
  AccountRules,
  emailLock,
  keepingAnAdministrator,
  LAST_ADMINISTRATOR_LOCK,
  REQUIRE_ADMINISTRATOR,
  REQUIRE_FIRST_ADMINISTRATOR,
} from './account-rules.js';
import { changeUserBody, createUserBody, firstAdministratorBody, reasonBody } from './domain/user.commands.js';
import type { UserState } from './domain/user.decider.js';
import type { UserFields } from './domain/user.events.js';
import { userAggregate } from './user.aggregate.js';

export class CreateFirstAdministrator extends CrmCommand {}
export class CreateUser extends CrmCommand {}
export class InviteUser extends CrmCommand {}
export class ActivateUser extends CrmCommand {}
export class ChangeUser extends CrmCommand {}
export class DeactivateUser extends CrmCommand {}
export class ReactivateUser extends CrmCommand {}

/** The name is in clear for everybody who sees a record of his: no number in it. */
function named<Body extends { readonly name?: string | undefined }>(context: CommandContext, body: Body): Body {
  return body.name === undefined ? body : { ...body, name: unsealedText(context, body.name) };
}

function requireUsersEdit({ principal }: CommandContext): void {
  if (!allows(principal, 'users', 'edit')) refuse('forbidden');
}

function requireKnown(state: UserState): Exclude<UserState, { phase: 'none' }> {
  return state.phase === 'none' ? refuse('not-found') : state;
}

/** Privileges and standing are never settable on oneself. */
function refuseOnOneself({ principal }: CommandContext, userId: string): void {
  if (principal.userId === userId) refuse('own-privileges');
}

/**
 * The person's place and roles as they will be: they exist (`unknown-reference`), and neither the roles given to him nor those that
 * he comes into with his department give more than the giver holds (`grant-exceeds-own`).
 */
function requirePlaceable({ principal }: CommandContext, company: Company, fields: UserFields): void {
  const { departmentId, roleIds } = fields;
  if (departmentId !== null && !company.departments.some(({ id }) => id === departmentId))
    refuseField('unknown-reference', 'departmentId', 'No such department');
  requireGivable(principal, company, roleIds);
  requireManageable(principal, company, fields);
}

@CommandHandler(CreateFirstAdministrator)
export class CreateFirstAdministratorHandler implements ICommandHandler<CreateFirstAdministrator> {
  constructor(
    private readonly shell: CommandShell,
    private readonly rules: AccountRules,
  ) {}

  async execute({ context }: CreateFirstAdministrator): Promise<AcceptedReply> {
    if (context.caller.userId !== SYSTEM_USER_ID) refuse('forbidden');
    const { email, name } = context.body.parse(firstAdministratorBody);
    const fields: UserFields = { email, name, roleIds: [], departmentId: null, isAdmin: true };
    // Several gateways that ask at once use one command id. The guard is for those that were given different addresses.
    return keepingAnAdministrator(() =>
      this.shell.run(context, userAggregate, uuidv7(), async ({ state }) => {
        if (await this.rules.hasAdministrator()) refuse('already-exists');
        return {
          events: userAggregate.decide({ type: 'create', fields, weakened: [] }, state),
          locks: [LAST_ADMINISTRATOR_LOCK],
          statements: [REQUIRE_FIRST_ADMINISTRATOR],
        };
      }),
    );
  }
}

@CommandHandler(CreateUser)
export class CreateUserHandler implements ICommandHandler<CreateUser> {
  constructor(
    private readonly shell: CommandShell,
    private readonly rules: AccountRules,
  ) {}

  execute({ context }: CreateUser): Promise<AcceptedReply> {
    return makeUser(context, this.shell, this.rules, 'create');
  }
}

/** As `CreateUser`, for somebody who has no password yet. */
@CommandHandler(InviteUser)
export class InviteUserHandler implements ICommandHandler<InviteUser> {
  constructor(
    private readonly shell: CommandShell,
    private readonly rules: AccountRules,
  ) {}

  execute({ context }: InviteUser): Promise<AcceptedReply> {
    return makeUser(context, this.shell, this.rules, 'invite');
  }
}

async function makeUser(
  context: CommandContext,
  shell: CommandShell,
  rules: AccountRules,
  type: 'create' | 'invite',
): Promise<AcceptedReply> {
  requireUsersEdit(context);
  const fields = named(context, context.body.parse(createUserBody));
  if (fields.isAdmin && !context.principal.isAdmin) refuse('grant-exceeds-own');
  const make = (): Promise<AcceptedReply> =>
    shell.run(context, userAggregate, uuidv7(), async ({ state }) => {
      const company = await rules.company();
      requirePlaceable(context, company, fields);
      const weakened = weakenedRights({}, rightsIn(company, fields).toJSON());
      await rules.requireFreeEmail(fields.email, null);
      const { locks, guards } = naming(fields.roleIds, fields.departmentId);
      return {
        events: userAggregate.decide({ type, fields, weakened }, state),
        locks: [emailLock(fields.email), ...locks],
        guards,
      };
    });
  return whileTheyStand(() => takingEmail(make));
}

/**
 * The gateway has set, or is about to set, a password: by the person himself, who takes his invitation up, or by somebody who
 * manages him. Done to one who is active it does nothing.
 */
@CommandHandler(ActivateUser)
export class ActivateUserHandler implements ICommandHandler<ActivateUser> {
  constructor(
    private readonly shell: CommandShell,
    private readonly rules: AccountRules,
  ) {}

  execute({ context }: ActivateUser): Promise<AcceptedReply> {
    const id = targetOf(context);
    const isOwn = context.principal.userId === id;
    if (!isOwn) requireUsersEdit(context);
    return this.shell.run(context, userAggregate, id, async ({ state }) => {
      const { fields } = requireKnown(state);
      if (!isOwn) requireManageable(context.principal, await this.rules.company(), fields);
      return { events: userAggregate.decide({ type: 'activate' }, state) };
    });
  }
}

@CommandHandler(ChangeUser)
export class ChangeUserHandler implements ICommandHandler<ChangeUser> {
  constructor(
    private readonly shell: CommandShell,
    private readonly rules: AccountRules,
  ) {}

  async execute({ context }: ChangeUser): Promise<AcceptedReply> {
    requireUsersEdit(context);
    const id = targetOf(context);
    const change = (): Promise<AcceptedReply> =>
      this.shell.run(context, userAggregate, id, async ({ state }) => {
        const { fields } = requireKnown(state);
        const company = await this.rules.company();
        requireManageable(context.principal, company, fields);
        const changes = named(context, context.body.parse(changeUserBody)) as Partial<UserFields>;
        await this.requireChangeable(context, id, company, fields, changes);
        const rights = [fields, { ...fields, ...changes }].map((account) => rightsIn(company, account).toJSON());
        const weakened = weakenedRights(rights[0] ?? {}, rights[1] ?? {});
        const { locks, guards } = naming(changes.roleIds ?? [], changes.departmentId);
        return {
          events: userAggregate.decide({ type: 'change', changes, weakened }, state),
          locks: [LAST_ADMINISTRATOR_LOCK, ...(changes.email === undefined ? [] : [emailLock(changes.email)]), ...locks],
          guards,
          statements: changes.isAdmin === false ? [REQUIRE_ADMINISTRATOR] : [],
        };
      });
    return keepingAnAdministrator(() => whileTheyStand(() => takingEmail(change)));
  }

  private async requireChangeable(
    context: CommandContext,
    id: string,
    company: Company,
    fields: UserFields,
    changes: Partial<UserFields>,
  ): Promise<void> {
    if (changes.isAdmin === false) await this.rules.refuseLeavingNobody(context.principal, id);
    if (changes.isAdmin !== undefined || changes.roleIds !== undefined || changes.departmentId !== undefined) {
      refuseOnOneself(context, id);
    }
    if (changes.isAdmin === true && !context.principal.isAdmin) refuse('grant-exceeds-own');
    if (changes.roleIds !== undefined || changes.departmentId !== undefined) {
      requirePlaceable(context, company, { ...fields, ...changes });
    }
    if (changes.email !== undefined) await this.rules.requireFreeEmail(changes.email, id);
  }
}

@CommandHandler(DeactivateUser)
export class DeactivateUserHandler implements ICommandHandler<DeactivateUser> {
  constructor(
    private readonly shell: CommandShell,
    private readonly rules: AccountRules,
  ) {}

  async execute({ context }: DeactivateUser): Promise<AcceptedReply> {
    requireUsersEdit(context);
    const id = targetOf(context);
    return keepingAnAdministrator(() =>
      this.shell.run(context, userAggregate, id, async ({ state }) => {
        const { fields } = requireKnown(state);
        requireManageable(context.principal, await this.rules.company(), fields);
        const reason = unsealedText(context, context.body.parse(reasonBody).reason);
        await this.rules.refuseLeavingNobody(context.principal, id);
        refuseOnOneself(context, id);
        const events = userAggregate.decide({ type: 'deactivate', cause: { kind: 'administrator', reason } }, state);
        return { events, locks: [LAST_ADMINISTRATOR_LOCK], statements: [REQUIRE_ADMINISTRATOR] };
      }),
    );
  }
}

@CommandHandler(ReactivateUser)
export class ReactivateUserHandler implements ICommandHandler<ReactivateUser> {
  constructor(
    private readonly shell: CommandShell,
    private readonly rules: AccountRules,
  ) {}

  async execute({ context }: ReactivateUser): Promise<AcceptedReply> {
    requireUsersEdit(context);
    const id = targetOf(context);
    return this.shell.run(context, userAggregate, id, async ({ state }) => {
      const { fields } = requireKnown(state);
      requireManageable(context.principal, await this.rules.company(), fields);
      const reason = unsealedText(context, context.body.parse(reasonBody).reason);
      refuseOnOneself(context, id);
      const { isHeld, at } = await this.rules.standing(id);
      return { events: userAggregate.decide({ type: 'reactivate', reason, isHeld, since: at }, state) };
    });
  }
}

/** The unique index is the last word on an e-mail that two take at once. */
async function takingEmail<T>(append: () => Promise<T>): Promise<T> {
  try {
    return await append();
  } catch (error) {
    const { code, constraint } = (error ?? {}) as { code?: unknown; constraint?: unknown };
    if (code === '23505' && constraint === 'users_email_key') return refuse('email-taken');
    throw error;
  }
}
