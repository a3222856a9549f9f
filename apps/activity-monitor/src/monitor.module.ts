import { Module, type DynamicModule } from '@nestjs/common';
import type { Kysely } from 'kysely';
import { HealthModule, type HealthChecks, type Logger } from '#platform';
import { MONITOR_DB, MONITOR_LOGGER } from './monitor.tokens.js';
import { QueriesController } from './queries/queries.controller.js';

@Module({ controllers: [QueriesController] })
export class MonitorModule {
  static forRoot(db: Kysely<unknown>, logger: Logger, checks: HealthChecks): DynamicModule {
    return {
      module: MonitorModule,
      imports: [HealthModule.forRoot(checks)],
      providers: [
        { provide: MONITOR_DB, useValue: db },
        { provide: MONITOR_LOGGER, useValue: logger },
      ],
    };
  }
}
