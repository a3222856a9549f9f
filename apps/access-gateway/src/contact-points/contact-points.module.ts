import { Module } from '@nestjs/common';
import type { ReceiverKeys } from '#privacy';
import { CompanyCallsController, ContactCallsController, PlacedCallsController } from '../calls/calls.controller.js';
import { TelephonyController } from '../calls/telephony.controller.js';
import { CoreClient } from '../core/core-client.js';
import { RECEIVER_KEYS } from '../core/receiver-keys.js';
import { GatewayDatabase } from '../database/gateway-database.js';
import { RecordsModule } from '../records/records.module.js';
import { WatchRelay } from '../relay/watch-relay.js';
import { LookupsController } from './lookups.controller.js';
import { Lookups } from './lookups.js';
import { CompanyRevealsController, ContactRevealsController } from './reveals.controller.js';
import { Reveals } from './reveals.js';

/** Full numbers, lookups and calls. */
@Module({
  imports: [RecordsModule],
  controllers: [
    ContactRevealsController,
    CompanyRevealsController,
    LookupsController,
    ContactCallsController,
    CompanyCallsController,
    PlacedCallsController,
    TelephonyController,
  ],
  providers: [
    {
      provide: Reveals,
      inject: [CoreClient, WatchRelay, RECEIVER_KEYS],
      useFactory: (core: CoreClient, relay: WatchRelay, keys: ReceiverKeys) => new Reveals(core, relay, keys),
    },
    {
      provide: Lookups,
      inject: [CoreClient, GatewayDatabase, WatchRelay],
      useFactory: (core: CoreClient, database: GatewayDatabase, relay: WatchRelay) => new Lookups(core, database, relay),
    },
  ],
})
export class ContactPointsModule {}
