import { randomBytes, randomUUID } from 'node:crypto';
import type { CommandBus } from '@nestjs/cqrs';
import pg from 'pg';
import { Secret } from '#kernel';
import { EventStore } from '#event-store';
import { bodyContext, SYSTEM_USER_ID, type AcceptedReply, type CommandName } from '#contracts';
import { createPool } from '#platform';
import { localKeyWrapper, newDataKey, newReceiverKeys, sealFor, type KeyWrapper } from '#privacy';
import { CONNECT_PATIENTLY } from '#testing';
import { CreateContact, CreateContactHandler, DeleteContact, DeleteContactHandler } from '../contacts/contacts.handlers.js';
import {
  AssignDeal,
  AssignDealHandler,
  ChangeDeal,
  ChangeDealHandler,
  CreateDeal,
  CreateDealHandler,
} from '../deals/deals.handlers.js';
import { EraseContact, EraseContactHandler } from '../contacts/erase-contact.handler.js';
import { CreateForm, CreateFormHandler } from '../forms/forms.handlers.js';
import { FormReferences } from '../forms/form-references.js';
import { FormChanges } from '../forms/form-changes.js';
import { LeadIntake } from '../leads/lead-intake.js';
import { LeadPlanner } from '../leads/lead-planner.js';
import { LeadTerms } from '../leads/lead-terms.js';
import {
  AcceptLead,
  AcceptLeadHandler,
  DeclineLead,
  DeclineLeadHandler,
  RetryLead,
  RetryLeadHandler,
} from '../leads/leads.handlers.js';
import { WaitingLeads } from '../leads/waiting-leads.js';
import { CrmLog } from '../log/crm-log.js';
import { DataKeys } from '../log/data-keys.js';
import type { ServiceKeys } from '../log/service-keys.js';
import { ensureFirstPipeline } from '../pipelines/first-pipeline.js';
import { RecordReferences } from '../records/record-references.js';
import { RecordShell } from '../records/record-shell.js';
import { AccountRules } from '../users/account-rules.js';
import {
  CreateFirstAdministrator,
  CreateFirstAdministratorHandler,
  CreateUser,
  CreateUserHandler,
} from '../users/users.handlers.js';
import { Authorizations } from './authorizations.js';
import type { CommandClass, CrmCommand } from './command-context.js';
import { CommandIntake } from './command-intake.js';
import { CommandShell } from './command-shell.js';
import { Gate } from './gate.js';
import { RunningCommands } from './running-commands.js';

interface Handler {
  execute(command: CrmCommand): Promise<AcceptedReply>;
}

/** What is asked of a core, as the gateway would ask it. */
export interface Asked {
  readonly userId?: string;
  readonly targetId?: string;
  readonly commandId?: string;
  readonly expectedVersion?: number;
}

/** Keys that several cores of one spec share, as they do through the vault. */
export async function sharedKeys(): Promise<ServiceKeys & { readonly wrapper: KeyWrapper }> {
  const receiver = await newReceiverKeys();
  return { lookup: newDataKey(), commandMac: newDataKey(), receiver, wrapper: localKeyWrapper(randomBytes(32), 'given') };
}

/** The inside of one core on a database, from the sealed message to the append; without broker and HTTP. */
export class CoreParts {
  readonly pool: pg.Pool;
  readonly store: EventStore;
  readonly log: CrmLog;
  readonly gate: Gate;
  readonly running: RunningCommands;
  readonly leads: LeadIntake;
  /** The administrator in whose name commands come unless another is named. */
  administratorId = '';
  /** The clock that commands get their time from. */
  now = (): Date => new Date();
  readonly #intake: CommandIntake;
  readonly #keys: ServiceKeys;

  constructor(databaseUrl: string, keys: ServiceKeys & { readonly wrapper: KeyWrapper }, instance = '0') {
    const connectionString = new Secret(databaseUrl);
    this.#keys = keys;
    this.pool = createPool({
      ...{ connectionString, max: 12, applicationName: `core-${instance}`, pipeline: true },
      ...CONNECT_PATIENTLY,
    });
    this.store = new EventStore(this.pool);
    this.log = new CrmLog(this.store, new DataKeys(this.pool, keys.wrapper), keys.lookup);
    this.gate = new Gate(this.pool);
    this.running = new RunningCommands(connectionString, instance);
    const [shell, references] = [new CommandShell(this.log), new RecordReferences(this.pool)];
    const records = new RecordShell(shell, references, this.gate);
    const rules = new AccountRules(this.pool);
    const terms = new LeadTerms(this.pool, references);
    const planner = new LeadPlanner(this.log, this.pool, terms);
    this.leads = new LeadIntake(this.log, this.pool, keys.receiver, terms, planner);
    const waiting = new WaitingLeads(this.log, this.pool, keys.receiver);
    const handlers: ReadonlyMap<CommandClass, Handler> = new Map<CommandClass, Handler>([
      [CreateFirstAdministrator, new CreateFirstAdministratorHandler(shell, rules)],
      [CreateUser, new CreateUserHandler(shell, rules)],
      [CreateContact, new CreateContactHandler(records)],
      [DeleteContact, new DeleteContactHandler(records)],
      [EraseContact, new EraseContactHandler(shell, this.pool, waiting, this.gate)],
      [AcceptLead, new AcceptLeadHandler(shell, terms, planner)],
      [DeclineLead, new DeclineLeadHandler(shell)],
      [RetryLead, new RetryLeadHandler(shell, terms, this.leads, keys)],
      [CreateDeal, new CreateDealHandler(records)],
      [ChangeDeal, new ChangeDealHandler(records)],
      [AssignDeal, new AssignDealHandler(records)],
      [CreateForm, new CreateFormHandler(shell, new FormReferences(this.pool, references), new FormChanges())],
    ]);
    const execute = (command: CrmCommand): Promise<AcceptedReply> =>
      (handlers.get(command.constructor as CommandClass) as Handler).execute(command);
    const names = new Map([...handlers.keys()].map((each) => [each.name, each]));
    const authorizations = new Authorizations(this.pool);
    this.#intake = new CommandIntake(
      ...([{ execute } as unknown as CommandBus, this.log, authorizations, keys, names, this.running] as const),
      () => this.now(),
    );
  }

  /** First pipeline and first administrator. */
  async begin(): Promise<this> {
    await ensureFirstPipeline(this.log, new Date());
    const admin = { email: `${randomUUID()}@example.org`, name: 'Administrator' };
    this.administratorId = (await this.send('CreateFirstAdministrator', admin, { userId: SYSTEM_USER_ID })).id;
    return this;
  }

  async send(name: CommandName, body: unknown, asked: Asked = {}): Promise<AcceptedReply> {
    const { userId = this.administratorId, targetId = null, commandId = randomUUID(), expectedVersion = null } = asked;
    const sealed = await sealFor(this.#keys.receiver.publicJwk, JSON.stringify(body), bodyContext(name, commandId));
    return this.#intake.carryOut(name, {
      ...{ commandId, requestId: randomUUID(), targetId, partId: null, expectedVersion, mediaType: 'application/json' },
      ...{ caller: { userId, sessionId: null, tokenId: null, ip: '192.0.2.1' }, body: sealed },
    });
  }

  async rows<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return (await this.pool.query<Row>(text, [...values])).rows;
  }

  async end(): Promise<void> {
    await this.running.onModuleDestroy();
    await this.pool.end();
  }
}

/** The code of a refusal, or `ok`. */
export const outcomeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'ok',
    (error: unknown) => String((error as { code?: unknown }).code ?? error),
  );
