import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MicroserviceOptions } from '@nestjs/microservices';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Pool } from 'pg';
import { PROBLEMS, SUBJECTS } from '#contracts';
import { EventStore } from '#event-store';
import type { KeyWrapper } from '#privacy';
import { reconnecting, ServiceRequests, startBroker, type Broker, type Consumption } from '#messaging';
import {
  brokerCheck,
  brokerLog,
  createHttpApp,
  createLogger,
  DatabaseClock,
  databaseCheck,
  exitOnConfigError,
  readConfig,
  stopOnSignals,
  type Logger,
} from '#platform';
import { AuditCopier } from './audit/audit-copier.js';
import { watchAbandonedCalls } from './calls/abandoned-calls.js';
import { CallDispatcher } from './calls/call-dispatcher.js';
import { coreConfigSchema, type CoreConfig } from './config.js';
import { CoreModule } from './core.module.js';
import { beatHeart, consumeCutOffs } from './delivery/cut-offs.js';
import { forgetErasedKeys } from './delivery/forget-keys.js';
import { Relay } from './delivery/relay.js';
import { RequestServer } from './delivery/request-server.js';
import { keepStreams } from './delivery/streams.js';
import { FormChanges } from './forms/form-changes.js';
import { consumeLeads } from './leads/consume-leads.js';
import { LeadIntake } from './leads/lead-intake.js';
import { expireCommands } from './commands/command-expiry.js';
import { CommandShell } from './commands/command-shell.js';
import { CORE_POOL, KEY_WRAPPER, SERVICE_KEYS } from './log/log.module.js';
import { CrmLog } from './log/crm-log.js';
import type { ServiceKeys } from './log/service-keys.js';
import { watchLeftBeside } from './rebuild/left-beside.js';
import { checkReadModels } from './rebuild/start-check.js';
import { ensureFirstPipeline } from './pipelines/first-pipeline.js';
import { RewindWorker } from './rewinds/rewind-worker.js';
import { Sealer } from './seals/sealer.js';
import { deactivateByMonitor } from './users/deactivate-by-monitor.js';

const STOP_WITHIN_MS = 9_000;

async function start(): Promise<void> {
  const config = exitOnConfigError(() => readConfig(coreConfigSchema, process.env));
  const logger = createLogger({ service: 'crm-core', instance: config.instance, level: config.logLevel });
  const broker = startBroker({ ...config.nats, name: `crm-core-${config.instance}`, log: brokerLog(logger) });
  const ready = { app: undefined as NestFastifyApplication | undefined };
  const checks = {
    database: () => databaseCheck(requireApp(ready.app).get<Pool>(CORE_POOL))(),
    broker: brokerCheck(broker),
  };
  const options = { logger, catalogue: PROBLEMS, metricsAnywhere: config.metricsAnywhere };
  const app = await createHttpApp(CoreModule.forRoot(config, logger, checks), options);
  ready.app = app;
  await untilDone(logger, () => reflectLog(app, config, logger));
  await untilDone(logger, () => ensureFirstPipeline(app.get(CrmLog), app.get(DatabaseClock).now()));
  await untilDone(logger, () => app.get(LeadIntake).adoptSetAside());
  answerRequests(app, config, logger);
  const consumptions = deliver(app, config, broker, logger);
  stopOnSignals(() => stop(app, broker, consumptions), STOP_WITHIN_MS, logger);
  await app.listen(config.healthPort, config.host);
  logger.info('started');
}

function requireApp(app: NestFastifyApplication | undefined): NestFastifyApplication {
  if (app === undefined) throw new Error('not started yet');
  return app;
}

/** After a restore of older read models or of an older vault: nothing is answered from what is behind the log. */
async function reflectLog(app: NestFastifyApplication, { databaseUrl }: CoreConfig, logger: Logger): Promise<void> {
  const keys = { wrapper: app.get<KeyWrapper>(KEY_WRAPPER), lookup: app.get<ServiceKeys>(SERVICE_KEYS).lookup };
  const { streams, keys: destroyed, took } = await checkReadModels({ databaseUrl, keys });
  logger.info('read models checked', {
    streamsMadeAnew: streams,
    keysDestroyedAgain: destroyed,
    seconds: Number(took.toFixed(2)),
  });
}

async function untilDone(logger: Logger, run: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await run();
    } catch (error) {
      logger.warn('start-up step waits', { error });
      await sleep(500);
    }
  }
}

/** Requests come by Nest's NATS transport. Its connection waits for a broker that is not up yet, and the service starts all the same. */
function answerRequests(app: NestFastifyApplication, config: CoreConfig, logger: Logger): void {
  const { url, user, password } = config.nats;
  app.connectMicroservice<MicroserviceOptions>({
    strategy: new RequestServer({
      servers: [url],
      user,
      pass: password.expose(),
      name: `crm-core-${config.instance}-requests`,
      queue: 'crm-core',
      inboxPrefix: `_INBOX_${user}`,
      deserializer: new ServiceRequests(),
      waitOnFirstConnect: true,
      ...reconnecting(),
      pingInterval: 2_000,
    }),
  });
  app.startAllMicroservices().catch((error: unknown) => {
    logger.error('requests cannot be answered', { error });
    process.exit(1);
  });
}

function deliver(app: NestFastifyApplication, config: CoreConfig, broker: Broker, logger: Logger): readonly Consumption[] {
  const forgetStreams = keepStreams(broker, logger);
  const relay = new Relay(config, app.get(CORE_POOL), app.get(EventStore), app.get(CrmLog), broker, logger);
  relay.start();
  const rewinds = app.get(RewindWorker);
  rewinds.start(config);
  const copier = new AuditCopier(config, app.get(CORE_POOL), app.get(CrmLog), logger);
  copier.start();
  const sealer = app.get(Sealer, { strict: false });
  sealer.start();
  app.get(FormChanges).onChanged(() => {
    broker
      .connection()
      .then((connection) => connection.publish(SUBJECTS.formsChanged))
      .catch((error: unknown) => logger.warn('form change not announced', { error }));
  });
  const heart = beatHeart(broker, config.instance, sealer, logger);
  const shell = app.get(CommandShell);
  const { now } = app.get(DatabaseClock);
  return [
    relay,
    rewinds,
    expireCommands({ databaseUrl: config.databaseUrl, store: app.get(EventStore), logger }),
    watchLeftBeside({ databaseUrl: config.databaseUrl, pool: app.get(CORE_POOL), logger }),
    copier,
    sealer,
    watchAbandonedCalls({ databaseUrl: config.databaseUrl, pool: app.get(CORE_POOL), log: app.get(CrmLog), now, logger }),
    app.get(CallDispatcher, { strict: false }),
    { stop: () => Promise.resolve(clearInterval(heart)) },
    { stop: () => Promise.resolve(forgetStreams()) },
    forgetErasedKeys(broker, logger, (stream) => app.get(CrmLog).forget(stream)),
    consumeCutOffs({
      broker,
      instance: config.instance,
      logger,
      now,
      record: (fact) => deactivateByMonitor(shell, app.get(CORE_POOL), fact, now().toISOString()),
    }),
    consumeLeads({ broker, logger, intake: app.get(LeadIntake) }),
  ];
}

async function stop(app: NestFastifyApplication, broker: Broker, consumptions: readonly Consumption[]): Promise<void> {
  await Promise.all(consumptions.map((consumption) => consumption.stop()));
  await app.close();
  await broker.close();
}

await start();
