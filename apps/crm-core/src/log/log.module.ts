import { setTimeout as sleep } from 'node:timers/promises';
import { Global, Module, type DynamicModule } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import type { Pool } from 'pg';
import { EventStore } from '#event-store';
import type { KeyWrapper } from '#privacy';
import { createPool, DatabaseClock, isUnavailable, type Logger } from '#platform';
import { CommandShell } from '../commands/command-shell.js';
import { Gate } from '../commands/gate.js';
import type { CoreConfig } from '../config.js';
import { RecordReferences } from '../records/record-references.js';
import { RecordShell } from '../records/record-shell.js';
import { CrmLog } from './crm-log.js';
import { DataKeys } from './data-keys.js';
import { keyWrapper } from './key-encryption-key.js';
import { loadServiceKeys, type ServiceKeys } from './service-keys.js';

export const CORE_CONFIG = Symbol('core config');
export const CORE_POOL = Symbol('core pool');
export const CORE_LOGGER = Symbol('core logger');
export const SERVICE_KEYS = Symbol('service keys');
export const KEY_WRAPPER = Symbol('key wrapper');

/** Waits for a database that is not up yet: a service started first is not a fault. */
async function onceAvailable<T>(logger: Logger, run: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      logger.warn('waiting for the database');
      await sleep(500);
    }
  }
}

const PROVIDERS = [
  {
    provide: CORE_POOL,
    inject: [CORE_CONFIG],
    useFactory: (config: CoreConfig) =>
      createPool({
        connectionString: config.databaseUrl,
        max: config.poolSize,
        applicationName: `crm-core-${config.instance}`,
        pipeline: true,
      }),
  },
  { provide: KEY_WRAPPER, inject: [CORE_CONFIG], useFactory: (config: CoreConfig) => keyWrapper(config) },
  {
    provide: SERVICE_KEYS,
    inject: [CORE_POOL, KEY_WRAPPER, CORE_LOGGER],
    useFactory: (pool: Pool, wrapper: KeyWrapper, logger: Logger) => onceAvailable(logger, () => loadServiceKeys(pool, wrapper)),
  },
  {
    provide: DatabaseClock,
    inject: [CORE_POOL, CORE_LOGGER],
    useFactory: async (pool: Pool, logger: Logger) => {
      const clock = new DatabaseClock(pool);
      await onceAvailable(logger, () => clock.read());
      clock.start();
      return clock;
    },
  },
  { provide: EventStore, inject: [CORE_POOL], useFactory: (pool: Pool) => new EventStore(pool) },
  {
    provide: DataKeys,
    inject: [CORE_POOL, KEY_WRAPPER],
    useFactory: (pool: Pool, wrapper: KeyWrapper) => new DataKeys(pool, wrapper),
  },
  {
    provide: CrmLog,
    inject: [EventStore, DataKeys, SERVICE_KEYS],
    useFactory: (store: EventStore, keys: DataKeys, service: ServiceKeys) => new CrmLog(store, keys, service.lookup),
  },
  { provide: CommandShell, inject: [CrmLog], useFactory: (log: CrmLog) => new CommandShell(log) },
  { provide: Gate, inject: [CORE_POOL], useFactory: (pool: Pool) => new Gate(pool) },
  { provide: RecordReferences, inject: [CORE_POOL], useFactory: (pool: Pool) => new RecordReferences(pool) },
  {
    provide: RecordShell,
    inject: [CommandShell, RecordReferences, Gate],
    useFactory: (shell: CommandShell, references: RecordReferences, gate: Gate) => new RecordShell(shell, references, gate),
  },
];

/** The log, its keys and the shells around it: what every feature of core stands on. */
@Global()
@Module({
  imports: [CqrsModule.forRoot()],
  providers: PROVIDERS,
  exports: [
    CqrsModule,
    CORE_POOL,
    SERVICE_KEYS,
    DatabaseClock,
    EventStore,
    DataKeys,
    CrmLog,
    CommandShell,
    Gate,
    RecordReferences,
    RecordShell,
  ],
})
export class LogModule {
  static forRoot(config: CoreConfig, logger: Logger): DynamicModule {
    const given = [
      { provide: CORE_CONFIG, useValue: config },
      { provide: CORE_LOGGER, useValue: logger },
    ];
    return { module: LogModule, providers: given, exports: given };
  }
}
