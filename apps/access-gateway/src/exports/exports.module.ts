import { Inject, Module, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { Logger } from '#platform';
import { AuditTrail } from '../accounts/audit-trail.js';
import { CutOffs } from '../cut-off/cut-offs.js';
import { GatewayDatabase } from '../database/gateway-database.js';
import { GATEWAY_LOGGER } from '../logger.token.js';
import { Authentication } from '../requests/authentication.js';
import { Authorizations } from '../requests/authorizations.js';
import { OpenStreams } from '../requests/open-streams.js';
import { ExportSender } from './export-sender.js';
import { ExportStore } from './export-store.js';
import { ExportWorker } from './export-worker.js';
import { ExportWork } from './export-work.js';
import { ExportsController } from './exports.controller.js';

@Module({
  controllers: [ExportsController],
  providers: [
    {
      provide: ExportWorker,
      inject: [GatewayDatabase, Authorizations, ExportStore, CutOffs, GATEWAY_LOGGER],
      useFactory: (database: GatewayDatabase, rights: Authorizations, store: ExportStore, cutOffs: CutOffs, logger: Logger) =>
        new ExportWorker('export', new ExportWork(database, rights, store.keys), cutOffs, logger),
    },
    {
      provide: ExportSender,
      inject: [ExportStore, GatewayDatabase, AuditTrail, Authentication, OpenStreams],
      useFactory: (...parts: ConstructorParameters<typeof ExportSender>) => new ExportSender(...parts),
    },
  ],
})
export class ExportsModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(@Inject(ExportWorker) private readonly worker: ExportWorker) {}

  onApplicationBootstrap(): void {
    this.worker.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.worker.stop();
  }
}
