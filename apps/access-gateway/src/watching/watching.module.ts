import { Inject, Module, type OnApplicationBootstrap, type BeforeApplicationShutdown } from '@nestjs/common';
import { Broker } from '#messaging';
import { DatabaseClock, type Logger } from '#platform';
import { CutOffs } from '../cut-off/cut-offs.js';
import { GatewayDatabase } from '../database/gateway-database.js';
import { GATEWAY_LOGGER } from '../logger.token.js';
import { Authentication } from '../requests/authentication.js';
import { OpenStreams } from '../requests/open-streams.js';
import { AlarmReaders } from './alarm-readers.js';
import { AlertsController } from './alerts.controller.js';
import { AuditController } from './audit.controller.js';
import { EventsController } from './events.controller.js';
import { ExposureController } from './exposure.controller.js';
import type { LiveReadersOptions } from './live-readers.js';
import { MonitorClient } from './monitor-client.js';
import { MonitoredUserReaders } from './monitored-user-readers.js';
import { MonitoringController } from './monitoring.controller.js';
import { RecordReaders } from './record-readers.js';
import { SuggestionsController } from './suggestions.controller.js';

/** What every kind of live stream needs. */
const LIVE = [Authentication, CutOffs, OpenStreams, GATEWAY_LOGGER] as const;
type Live = [Authentication, CutOffs, OpenStreams, Logger];

function optionsOf([authentication, cutOffs, openStreams, logger]: Live): LiveReadersOptions {
  return { authentication, cutOffs, openStreams, logger };
}

@Module({
  controllers: [
    AlertsController,
    EventsController,
    MonitoringController,
    SuggestionsController,
    ExposureController,
    AuditController,
  ],
  providers: [
    { provide: MonitorClient, inject: [Broker], useFactory: (broker: Broker) => new MonitorClient(broker) },
    {
      provide: AlarmReaders,
      inject: [Broker, MonitorClient, ...LIVE],
      useFactory: (broker: Broker, monitor: MonitorClient, ...live: Live) => new AlarmReaders(broker, monitor, optionsOf(live)),
    },
    {
      provide: MonitoredUserReaders,
      inject: [MonitorClient, ...LIVE],
      useFactory: (monitor: MonitorClient, ...live: Live) => new MonitoredUserReaders(monitor, optionsOf(live)),
    },
    {
      provide: RecordReaders,
      inject: [Broker, GatewayDatabase, DatabaseClock, ...LIVE],
      useFactory: (broker: Broker, database: GatewayDatabase, { now }: DatabaseClock, ...live: Live) =>
        new RecordReaders({ ...optionsOf(live), broker, database, now }),
    },
  ],
  exports: [MonitorClient, AlarmReaders],
})
export class WatchingModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(
    @Inject(AlarmReaders) private readonly alarms: AlarmReaders,
    @Inject(RecordReaders) private readonly records: RecordReaders,
    @Inject(MonitoredUserReaders) private readonly users: MonitoredUserReaders,
  ) {}

  onApplicationBootstrap(): void {
    this.alarms.start();
    this.records.start();
    this.users.start();
  }

  /** Live streams would keep the server from closing: they end first. */
  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all([this.alarms.stop(), this.records.stop(), this.users.stop()]);
  }
}
