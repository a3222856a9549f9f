import { Module } from '@nestjs/common';
import { newReceiverKeys } from '#privacy';
import { CoreClient } from '../core/core-client.js';
import { GatewayDatabase } from '../database/gateway-database.js';
import { WatchRelay } from '../relay/watch-relay.js';
import { DealActsController } from './deal-acts.controller.js';
import { ErasureController } from './erasure.controller.js';
import { CompaniesController, ContactsController, DealsController } from './record.controller.js';
import { Records } from './records.js';

@Module({
  controllers: [ContactsController, CompaniesController, DealsController, DealActsController, ErasureController],
  providers: [
    {
      provide: Records,
      inject: [GatewayDatabase, CoreClient, WatchRelay],
      // The keys live as long as this instance: what core seals to them, no other can open.
      useFactory: async (database: GatewayDatabase, core: CoreClient, relay: WatchRelay) =>
        new Records(database, core, relay, await newReceiverKeys()),
    },
  ],
})
export class RecordsModule {}
