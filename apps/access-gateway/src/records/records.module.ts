import { Module } from '@nestjs/common';
import { newReceiverKeys, type ReceiverKeys } from '#privacy';
import { CoreClient } from '../core/core-client.js';
import { RECEIVER_KEYS } from '../core/receiver-keys.js';
import { GatewayDatabase } from '../database/gateway-database.js';
import { WatchRelay } from '../relay/watch-relay.js';
import { DealActsController } from './deal-acts.controller.js';
import { ErasureController } from './erasure.controller.js';
import { CompaniesController, ContactsController, DealsController } from './record.controller.js';
import { Records } from './records.js';

@Module({
  controllers: [ContactsController, CompaniesController, DealsController, DealActsController, ErasureController],
  providers: [
    // The keys live as long as this instance: what core seals to them, no other can open.
    { provide: RECEIVER_KEYS, useFactory: () => newReceiverKeys() },
    {
      provide: Records,
      inject: [GatewayDatabase, CoreClient, WatchRelay, RECEIVER_KEYS],
      useFactory: (database: GatewayDatabase, core: CoreClient, relay: WatchRelay, keys: ReceiverKeys) =>
        new Records(database, core, relay, keys),
    },
  ],
  exports: [RECEIVER_KEYS],
})
export class RecordsModule {}
