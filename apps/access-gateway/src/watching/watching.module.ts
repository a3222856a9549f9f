import { Inject, Module, type OnApplicationBootstrap, type BeforeApplicationShutdown } from '@nestjs/common';
import { Broker } from '#messaging';
import { CutOffs } from '../cut-off/cut-offs.js';
import { GATEWAY_LOGGER } from '../logger.token.js';
import { Authentication } from '../requests/authentication.js';
import { OpenStreams } from '../requests/open-streams.js';
import { AlarmReaders } from './alarm-readers.js';
import { AlertsController } from './alerts.controller.js';
import { AuditController } from './audit.controller.js';
import { MonitorClient } from './monitor-client.js';
import { WatchingController } from './watching.controller.js';

@Module({
  controllers: [AlertsController, WatchingController, AuditController],
  providers: [
    { provide: MonitorClient, inject: [Broker], useFactory: (broker: Broker) => new MonitorClient(broker) },
    {
      provide: AlarmReaders,
      inject: [Broker, MonitorClient, Authentication, CutOffs, OpenStreams, GATEWAY_LOGGER],
      useFactory: (...parts: ConstructorParameters<typeof AlarmReaders>) => new AlarmReaders(...parts),
    },
  ],
})
export class WatchingModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(@Inject(AlarmReaders) private readonly readers: AlarmReaders) {}

  onApplicationBootstrap(): void {
    this.readers.start();
  }

  /** Live streams would keep the server from closing: they end first. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.readers.stop();
  }
}
