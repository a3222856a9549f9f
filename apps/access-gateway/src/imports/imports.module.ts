import { Inject, Module, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { Logger } from '#platform';
import { AuditTrail } from '../accounts/audit-trail.js';
import { CoreClient } from '../core/core-client.js';
import { CutOffs } from '../cut-off/cut-offs.js';
import { GatewayDatabase } from '../database/gateway-database.js';
import { GATEWAY_LOGGER } from '../logger.token.js';
import { ImportWork } from './import-work.js';
import { ImportWorker } from './import-worker.js';
import { ImportsController } from './imports.controller.js';

@Module({
  controllers: [ImportsController],
  providers: [
    {
      provide: ImportWorker,
      inject: [GatewayDatabase, CoreClient, AuditTrail, CutOffs, GATEWAY_LOGGER],
      useFactory: (database: GatewayDatabase, core: CoreClient, audit: AuditTrail, cutOffs: CutOffs, logger: Logger) =>
        new ImportWorker('import', new ImportWork(database, core, audit), cutOffs, logger),
    },
  ],
})
export class ImportsModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(@Inject(ImportWorker) private readonly worker: ImportWorker) {}

  onApplicationBootstrap(): void {
    this.worker.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.worker.stop();
  }
}
