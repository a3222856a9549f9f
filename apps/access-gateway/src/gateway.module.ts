import { Global, Module, type DynamicModule, type Provider, type Type } from '@nestjs/common';
import { brokerCheck, DatabaseClock, databaseCheck, HealthModule, type Logger } from '#platform';
import { Broker } from '#messaging';
import { MeController } from './accounts/me.controller.js';
import { Passwords } from './accounts/passwords.js';
import { AuditTrail } from './accounts/audit-trail.js';
import { Reauthentication } from './accounts/reauthentication.js';
import { ApiTokensController } from './api-tokens/api-tokens.controller.js';
import { ApiTokens } from './api-tokens/api-tokens.js';
import { ContactPointsModule } from './contact-points/contact-points.module.js';
import { CoreClient } from './core/core-client.js';
import { CutOffs } from './cut-off/cut-offs.js';
import { CustomFieldsController } from './custom-fields/custom-fields.controller.js';
import { GatewayDatabase } from './database/gateway-database.js';
import { ExportStore } from './exports/export-store.js';
import { ExportsModule } from './exports/exports.module.js';
import { FormsController } from './forms/forms.controller.js';
import { MadeSecrets } from './forms/made-secrets.js';
import type { GatewayParts } from './gateway-parts.js';
import { LeadRows } from './leads/lead-rows.js';
import { LeadsController } from './leads/leads.controller.js';
import { GATEWAY_LOGGER } from './logger.token.js';
import { ImportStore } from './imports/import-store.js';
import { ImportsModule } from './imports/imports.module.js';
import { OpenApiController } from './openapi/openapi.controller.js';
import { RouteCatalogue } from './openapi/route-catalogue.js';
import { AccountsOfPeople } from './people/accounts-of-people.js';
import { DepartmentsController } from './people/departments.controller.js';
import { ExplainController } from './people/explain.controller.js';
import { People } from './people/people.js';
import { RolesController } from './people/roles.controller.js';
import { UsersController } from './people/users.controller.js';
import { PipelinesController } from './pipelines/pipelines.controller.js';
import { RecordsModule } from './records/records.module.js';
import { WatchRelay } from './relay/watch-relay.js';
import { Authentication } from './requests/authentication.js';
import { Authorizations } from './requests/authorizations.js';
import { OpenStreams } from './requests/open-streams.js';
import { RewindsController } from './rewinds/rewinds.controller.js';
import { Rewinds } from './rewinds/rewinds.js';
import { SecondFactors } from './second-factors/second-factors.js';
import { SecondFactorsController } from './second-factors/second-factors.controller.js';
import { SessionsController } from './sessions/sessions.controller.js';
import { SessionsOfPeople } from './sessions/sessions.js';
import { SignIn } from './sessions/sign-in.js';
import { SecuritySettingsController } from './settings/security-settings.controller.js';
import { WatchingModule } from './watching/watching.module.js';
import { WebhookStore } from './webhooks/webhook-store.js';
import { WebhooksModule } from './webhooks/webhooks.module.js';

/**
 * What features may ask for: database, core, authentication, cut-offs, the relay. Global, so that they name only what they
 * need.
 */
@Global()
@Module({})
class FoundationModule {
  static forRoot(parts: GatewayParts, logger: Logger): DynamicModule {
    const given: [Type, unknown][] = [
      [GatewayDatabase, parts.database],
      [DatabaseClock, parts.clock],
      [CoreClient, parts.core],
      [Authentication, parts.authentication],
      [AuditTrail, parts.audit],
      [CutOffs, parts.cutOffs],
      [OpenStreams, parts.openStreams],
      [WatchRelay, parts.relay],
      [People, parts.people],
      [AccountsOfPeople, parts.accountsOfPeople],
      [ApiTokens, parts.apiTokens],
      [SessionsOfPeople, parts.sessions],
      [SignIn, parts.signIn],
      [Passwords, parts.passwords],
      [SecondFactors, parts.secondFactors],
      [Reauthentication, parts.reauthentication],
      [Authorizations, parts.authorizations],
      [ExportStore, parts.exportStore],
      [ImportStore, parts.importStore],
      [WebhookStore, parts.webhooks],
      [RouteCatalogue, parts.routes],
    ];
    const providers: Provider[] = [
      ...given.map(([provide, useValue]) => ({ provide, useValue })),
      { provide: Broker, useValue: parts.broker },
      { provide: GATEWAY_LOGGER, useValue: logger },
    ];
    return { module: FoundationModule, providers, exports: providers };
  }
}

/** Wiring only. */
@Module({})
export class GatewayModule {
  static forRoot(parts: GatewayParts, logger: Logger): DynamicModule {
    return {
      module: GatewayModule,
      imports: [
        FoundationModule.forRoot(parts, logger),
        RecordsModule,
        ContactPointsModule,
        ExportsModule,
        ImportsModule,
        WatchingModule,
        WebhooksModule,
        // Cards are served without the broker (ADR 2): without it the gateway is degraded; `administrator` needs it once.
        HealthModule.forRoot(
          { database: databaseCheck(parts.database.pool), administrator: () => parts.administrator.check() },
          { broker: brokerCheck(parts.broker) },
        ),
      ],
      controllers: [
        SessionsController,
        MeController,
        SecondFactorsController,
        UsersController,
        DepartmentsController,
        RolesController,
        ExplainController,
        SecuritySettingsController,
        ApiTokensController,
        PipelinesController,
        CustomFieldsController,
        FormsController,
        LeadsController,
        RewindsController,
        OpenApiController,
      ],
      providers: [Rewinds, LeadRows, MadeSecrets],
    };
  }
}
