import { randomBytes, randomUUID } from 'node:crypto';
import type { ICommandHandler } from '@nestjs/cqrs';
import type { Pool } from 'pg';
import { Secret } from '#kernel';
import { EventStore } from '#event-store';
import { SYSTEM_USER_ID, type AcceptedReply, type CommandName } from '#contracts';
import { createPool } from '#platform';
import { localKeyWrapper, newDataKey } from '#privacy';
import { CONNECT_PATIENTLY, testDatabase, type TestDatabase } from '#testing';
import { Authorizations } from '../commands/authorizations.js';
import { CommandBody, type CommandClass, type CommandContext, type CrmCommand } from '../commands/command-context.js';
import { CommandShell } from '../commands/command-shell.js';
import { Gate } from '../commands/gate.js';
import * as contacts from '../contacts/contacts.handlers.js';
import * as departments from '../departments/departments.handlers.js';
import { CrmLog } from '../log/crm-log.js';
import { DataKeys } from '../log/data-keys.js';
import { RecordReferences } from '../records/record-references.js';
import { RecordShell } from '../records/record-shell.js';
import * as roles from '../roles/roles.handlers.js';
import * as settings from '../security-settings/security-settings.handlers.js';
import { AccountRules } from '../users/account-rules.js';
import * as users from '../users/users.handlers.js';

type Handler = ICommandHandler<CrmCommand, AcceptedReply>;
type Handlers = Partial<Record<CommandName, readonly [CommandClass, Handler]>>;

/** Commands of people, roles, departments, settings and contacts on a database of their own, as core carries them out. */
export class Commands {
  private constructor(
    readonly database: TestDatabase,
    readonly pool: Pool,
    readonly log: CrmLog,
    readonly shell: CommandShell,
    private readonly handlers: Handlers,
  ) {}

  static async open(): Promise<Commands> {
    const database = await testDatabase();
    const pool = createPool({
      ...{ connectionString: new Secret(database.coreUrl), max: 8, applicationName: 'core', pipeline: true },
      ...CONNECT_PATIENTLY,
    });
    const log = new CrmLog(new EventStore(pool), new DataKeys(pool, localKeyWrapper(randomBytes(32), 'given')), newDataKey());
    const shell = new CommandShell(log);
    return new Commands(database, pool, log, shell, handlersOf(shell, pool));
  }

  async close(): Promise<void> {
    await this.pool.end();
    await this.database.drop();
  }

  /** The id of the first administrator. */
  async firstAdministrator(email = 'first@example.org'): Promise<string> {
    return (await this.send('CreateFirstAdministrator', SYSTEM_USER_ID, { email, name: 'A' })).id;
  }

  /** Sends a command as a person with the rights that he has in the database now. */
  async send(
    name: CommandName,
    userId: string,
    body: unknown,
    targetId: string | null = null,
    at = new Date(),
  ): Promise<AcceptedReply> {
    return (await this.authorized(name, userId, body, targetId, at))();
  }

  /** A command that is let in already, to be carried out when called: of two that meet, neither was refused at the door. */
  async authorized(
    name: CommandName,
    userId: string,
    body: unknown,
    targetId: string | null = null,
    at = new Date(),
  ): Promise<() => Promise<AcceptedReply>> {
    const found = this.handlers[name];
    if (found === undefined) throw new Error(`no handler for ${name}`);
    const rights = await new Authorizations(this.pool).load(userId);
    const context = {
      ...{ name, commandId: randomUUID(), requestId: randomUUID(), targetId, partId: null, expectedVersion: null },
      caller: { userId, sessionId: null, tokenId: null, ip: '192.0.2.1' },
      ...{ at: at.toISOString(), bodyMac: '00', body: new CommandBody(() => body), ...rights },
    };
    return () => found[1].execute(new found[0](context as CommandContext));
  }

  async events(): Promise<number> {
    const { rows } = await this.pool.query<{ n: number }>('SELECT count(*)::int AS n FROM es.events');
    return rows[0]?.n ?? -1;
  }
}

function handlersOf(shell: CommandShell, pool: Pool): Handlers {
  const rules = new AccountRules(pool);
  const records = new RecordShell(shell, new RecordReferences(pool), new Gate(pool));
  return {
    CreateFirstAdministrator: [users.CreateFirstAdministrator, new users.CreateFirstAdministratorHandler(shell, rules)],
    CreateUser: [users.CreateUser, new users.CreateUserHandler(shell, rules)],
    InviteUser: [users.InviteUser, new users.InviteUserHandler(shell, rules)],
    ActivateUser: [users.ActivateUser, new users.ActivateUserHandler(shell, rules)],
    ChangeUser: [users.ChangeUser, new users.ChangeUserHandler(shell, rules)],
    DeactivateUser: [users.DeactivateUser, new users.DeactivateUserHandler(shell, rules)],
    ReactivateUser: [users.ReactivateUser, new users.ReactivateUserHandler(shell, rules)],
    CreateDepartment: [departments.CreateDepartment, new departments.CreateDepartmentHandler(shell, pool)],
    ChangeDepartment: [departments.ChangeDepartment, new departments.ChangeDepartmentHandler(shell, pool)],
    ChangeDepartmentRoles: [departments.ChangeDepartmentRoles, new departments.ChangeDepartmentRolesHandler(shell, pool)],
    DeleteDepartment: [departments.DeleteDepartment, new departments.DeleteDepartmentHandler(shell)],
    CreateRole: [roles.CreateRole, new roles.CreateRoleHandler(shell, pool)],
    ChangeRole: [roles.ChangeRole, new roles.ChangeRoleHandler(shell, pool)],
    DeleteRole: [roles.DeleteRole, new roles.DeleteRoleHandler(shell, pool)],
    ChangeSecuritySettings: [settings.ChangeSecuritySettings, new settings.ChangeSecuritySettingsHandler(shell, pool)],
    CreateContact: [contacts.CreateContact, new contacts.CreateContactHandler(records)],
    AssignContact: [contacts.AssignContact, new contacts.AssignContactHandler(records)],
    DeleteContact: [contacts.DeleteContact, new contacts.DeleteContactHandler(records)],
    RestoreContact: [contacts.RestoreContact, new contacts.RestoreContactHandler(records)],
  };
}

/** `ok` or the code of the refusal, sorted. */
export const codesOf = (outcomes: readonly PromiseSettledResult<unknown>[]): readonly string[] =>
  outcomes
    .map((one) => (one.status === 'fulfilled' ? 'ok' : String((one.reason as { code?: unknown }).code ?? one.reason)))
    .sort();
