import { Module } from '@nestjs/common';
import type { Pool } from 'pg';
import { EventStore } from '#event-store';
import { DatabaseClock, type Logger } from '#platform';
import { CORE_LOGGER, CORE_POOL } from '../log/log.module.js';
import { CrmLog } from '../log/crm-log.js';
import { RewindPlanner } from './rewind-planner.js';
import { RewindStore } from './rewind-store.js';
import { RewindWorker } from './rewind-worker.js';
import { RewindUser, RewindUserHandler } from './rewinds.handlers.js';

export const REWIND_COMMANDS = { RewindUser };

@Module({
  providers: [
    RewindUserHandler,
    { provide: RewindPlanner, inject: [CORE_POOL], useFactory: (pool: Pool) => new RewindPlanner(pool) },
    {
      provide: RewindStore,
      inject: [CORE_POOL, EventStore],
      useFactory: (pool: Pool, events: EventStore) => new RewindStore(pool, events),
    },
    {
      provide: RewindWorker,
      inject: [CrmLog, EventStore, RewindPlanner, RewindStore, CORE_LOGGER, DatabaseClock],
      useFactory: (
        log: CrmLog,
        events: EventStore,
        planner: RewindPlanner,
        store: RewindStore,
        logger: Logger,
        { now }: DatabaseClock,
      ) => new RewindWorker(log, events, planner, store, logger, now),
    },
  ],
  exports: [RewindStore, RewindWorker],
})
export class RewindsModule {}
