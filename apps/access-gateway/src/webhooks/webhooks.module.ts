import { Inject, Module, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { Logger } from '#platform';
import { GatewayDatabase } from '../database/gateway-database.js';
import { GATEWAY_LOGGER } from '../logger.token.js';
import { AlarmReaders } from '../watching/alarm-readers.js';
import { MonitorClient } from '../watching/monitor-client.js';
import { WatchingModule } from '../watching/watching.module.js';
import { DeliveryQueue } from './delivery-queue.js';
import { WebhookSender } from './webhook-sender.js';
import { WebhookStore } from './webhook-store.js';
import { WebhooksController } from './webhooks.controller.js';

@Module({
  imports: [WatchingModule],
  controllers: [WebhooksController],
  providers: [
    { provide: DeliveryQueue, inject: [GatewayDatabase], useFactory: (database: GatewayDatabase) => new DeliveryQueue(database) },
    {
      provide: WebhookSender,
      inject: [DeliveryQueue, WebhookStore, MonitorClient, GATEWAY_LOGGER],
      useFactory: (queue: DeliveryQueue, { options }: WebhookStore, monitor: MonitorClient, logger: Logger) =>
        new WebhookSender({ ...options, queue, monitor, logger }),
    },
  ],
})
export class WebhooksModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(
    @Inject(WebhookSender) private readonly sender: WebhookSender,
    @Inject(AlarmReaders) private readonly alarms: AlarmReaders,
  ) {}

  onApplicationBootstrap(): void {
    this.alarms.onAlarm(() => this.sender.wake());
    this.sender.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.sender.stop();
  }
}
