import { Module, type DynamicModule } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { Pool } from 'pg';
import { DatabaseClock, HealthModule, type HealthChecks, type Logger } from '#platform';
import { ExplainDecisionHandler, Situations } from './authz/explain/explain.query.js';
import { CALL_COMMANDS, CallsModule } from './calls/calls.module.js';
import { Authorizations } from './commands/authorizations.js';
import type { CommandClass } from './commands/command-context.js';
import { CommandIntake } from './commands/command-intake.js';
import { RunningCommands } from './commands/running-commands.js';
import { COMPANY_COMMANDS, CompaniesModule } from './companies/companies.module.js';
import type { CoreConfig } from './config.js';
import { GetContactPointsHandler } from './contact-points/contact-points.query.js';
import { CONTACT_COMMANDS, ContactsModule } from './contacts/contacts.module.js';
import { CUSTOM_FIELD_COMMANDS, CustomFieldsModule } from './custom-fields/custom-fields.module.js';
import { DEAL_COMMANDS, DealsModule } from './deals/deals.module.js';
import { RequestsController } from './delivery/requests.controller.js';
import { DEPARTMENT_COMMANDS, DepartmentsModule } from './departments/departments.module.js';
import { GetFormSecretHandler } from './forms/form-secret.query.js';
import { FORM_COMMANDS, FormsModule } from './forms/forms.module.js';
import { IMPORT_COMMANDS, ImportsModule } from './imports/imports.module.js';
import { LEAD_COMMANDS, LeadsModule } from './leads/leads.module.js';
import { CORE_CONFIG, CORE_POOL, LogModule, SERVICE_KEYS } from './log/log.module.js';
import { CrmLog } from './log/crm-log.js';
import type { ServiceKeys } from './log/service-keys.js';
import { GetLookupMatchesHandler } from './lookups/lookup-matches.query.js';
import { LOOKUP_COMMANDS, LookupsModule } from './lookups/lookups.module.js';
import { GetCardAtHandler, GetHistoryHandler, RecordPast } from './records/past/past.query.js';
import { PIPELINE_COMMANDS, PipelinesModule } from './pipelines/pipelines.module.js';
import { GetRevealedPointHandler } from './reveals/revealed-point.query.js';
import { REVEAL_COMMANDS, RevealsModule } from './reveals/reveals.module.js';
import { GetRewindHandler } from './rewinds/rewind.query.js';
import { REWIND_COMMANDS, RewindsModule } from './rewinds/rewinds.module.js';
import { ROLE_COMMANDS, RolesModule } from './roles/roles.module.js';
import { SECURITY_SETTINGS_COMMANDS, SecuritySettingsModule } from './security-settings/security-settings.module.js';
import { SealsModule } from './seals/seals.module.js';
import { USER_COMMANDS, UsersModule } from './users/users.module.js';

const COMMANDS: ReadonlyMap<string, CommandClass> = new Map(
  Object.entries<CommandClass>({
    ...CONTACT_COMMANDS,
    ...COMPANY_COMMANDS,
    ...DEAL_COMMANDS,
    ...USER_COMMANDS,
    ...DEPARTMENT_COMMANDS,
    ...ROLE_COMMANDS,
    ...SECURITY_SETTINGS_COMMANDS,
    ...FORM_COMMANDS,
    ...LEAD_COMMANDS,
    ...CUSTOM_FIELD_COMMANDS,
    ...PIPELINE_COMMANDS,
    ...REWIND_COMMANDS,
    ...IMPORT_COMMANDS,
    ...REVEAL_COMMANDS,
    ...LOOKUP_COMMANDS,
    ...CALL_COMMANDS,
  }),
);

@Module({
  imports: [
    LogModule,
    ContactsModule,
    CompaniesModule,
    DealsModule,
    UsersModule,
    DepartmentsModule,
    RolesModule,
    SecuritySettingsModule,
    FormsModule,
    CustomFieldsModule,
    PipelinesModule,
    LeadsModule,
    RewindsModule,
    ImportsModule,
    RevealsModule,
    LookupsModule,
    CallsModule,
    SealsModule,
  ],
  controllers: [RequestsController],
  providers: [
    GetContactPointsHandler,
    GetRevealedPointHandler,
    GetLookupMatchesHandler,
    GetFormSecretHandler,
    GetHistoryHandler,
    GetCardAtHandler,
    ExplainDecisionHandler,
    {
      provide: Situations,
      inject: [CrmLog, CORE_POOL, Authorizations],
      useFactory: (log: CrmLog, pool: Pool, authorizations: Authorizations) => new Situations(log, pool, authorizations),
    },
    {
      provide: RecordPast,
      inject: [CrmLog, CORE_POOL, Authorizations],
      useFactory: (log: CrmLog, pool: Pool, authorizations: Authorizations) => new RecordPast(log, pool, authorizations),
    },
    GetRewindHandler,
    {
      provide: RunningCommands,
      inject: [CORE_CONFIG],
      useFactory: (config: CoreConfig) => new RunningCommands(config.databaseUrl, config.instance),
    },
    { provide: Authorizations, inject: [CORE_POOL], useFactory: (pool: Pool) => new Authorizations(pool) },
    {
      provide: CommandIntake,
      inject: [CommandBus, CrmLog, Authorizations, SERVICE_KEYS, RunningCommands, DatabaseClock],
      useFactory: (
        bus: CommandBus,
        log: CrmLog,
        authorizations: Authorizations,
        keys: ServiceKeys,
        running: RunningCommands,
        { now }: DatabaseClock,
      ) => new CommandIntake(bus, log, authorizations, keys, COMMANDS, running, now),
    },
  ],
})
export class CoreModule {
  static forRoot(config: CoreConfig, logger: Logger, checks: HealthChecks): DynamicModule {
    return { module: CoreModule, imports: [LogModule.forRoot(config, logger), HealthModule.forRoot(checks)] };
  }
}
