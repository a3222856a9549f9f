import 'reflect-metadata';
import { Transport, type MicroserviceOptions } from '@nestjs/microservices';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { PROBLEMS } from '#contracts';
import { reconnecting, ServiceRequests, startBroker, type Broker } from '#messaging';
import {
  brokerCheck,
  brokerLog,
  createHttpApp,
  createPool,
  databaseCheck,
  holdLeadership,
  kyselyOf,
  restFor,
  type Logger,
} from '#platform';
import type { MonitorConfig } from './config.js';
import { Heartbeats } from './cut-off/heartbeats.js';
import { startFolding } from './fold/monitor-folding.js';
import { leadMonitor } from './fold/monitor-leader.js';
import { keepLedgerMonths } from './ledger/ledger-months.js';
import { OneAtATime } from './fold/one-at-a-time.js';
import { MonitorModule } from './monitor.module.js';

const RETRY_MS = 200;

/** A running instance. */
export interface Monitor {
  /** Where health and metrics are answered. */
  readonly url: string;
  /** Finishes the batch in hand, gives partitions and leadership up, and closes everything. */
  stop(): Promise<void>;
}

/**
 * Starts one instance: it answers queries, folds its share of the partitions, and stands to lead. Neither database nor broker need be there yet; what is down shows
 * in `/health/ready`.
 */
export async function startMonitor(config: MonitorConfig, logger: Logger): Promise<Monitor> {
  const applicationName = `activity-monitor-${config.instance}`;
  const pool = createPool({ connectionString: config.databaseUrl, max: config.poolSize, applicationName, logger });
  const db = kyselyOf<unknown>(pool);
  const broker = startBroker({ ...config.nats, name: applicationName, log: brokerLog(logger) });
  const heartbeats = new Heartbeats(broker);
  const checks = { database: databaseCheck(pool), broker: brokerCheck(broker) };
  const options = { logger, catalogue: PROBLEMS, metricsAnywhere: config.metricsAnywhere };
  const app = await createHttpApp(MonitorModule.forRoot(db, logger, checks), options);
  const stopping = new AbortController();
  const answering = answerQueries(app, broker, config, stopping.signal);
  const { ledgerRetentionMonths: retentionMonths } = config;
  const ledgerMonths = keepLedgerMonths({ db, retentionMonths, logger }, stopping.signal);
  const oneAtATime = new OneAtATime();
  const folding = startFolding({ db, broker, logger, oneAtATime, instance: config.instance }, stopping.signal);
  const leadership = holdLeadership({
    databaseUrl: config.databaseUrl,
    name: 'monitor-fold',
    onAcquired: (signal) => leadMonitor({ db, broker, heartbeats, logger, oneAtATime, relay: folding.relay }, signal),
    logger,
  });
  await app.listen(config.healthPort, config.host);
  logger.info('started');
  return {
    url: await app.getUrl(),
    stop: async () => {
      stopping.abort();
      await Promise.all([answering, ledgerMonths]);
      await leadership.stop();
      await folding.ended;
      heartbeats.stop();
      await app.close();
      await broker.close();
      await db.destroy();
    },
  };
}

/**
 * Queries come by Nest's NATS transport, from the moment the broker is there. Its own waiting for a first connection could not be
 * ended, so ours waits.
 */
function answerQueries(app: NestFastifyApplication, broker: Broker, config: MonitorConfig, stopping: AbortSignal): Promise<void> {
  const { url, user, password } = config.nats;
  app.connectMicroservice<MicroserviceOptions>({
    transport: Transport.NATS,
    options: {
      servers: url.split(','),
      user,
      pass: password.expose(),
      name: `activity-monitor-${config.instance}-queries`,
      queue: 'activity-monitor',
      inboxPrefix: `_INBOX_${user}`,
      deserializer: new ServiceRequests(),
      ...reconnecting(),
      pingInterval: 2_000,
    },
  });
  const listen = async (): Promise<void> => {
    while (!stopping.aborted) {
      try {
        await broker.connection(stopping);
        return void (await app.startAllMicroservices());
      } catch {
        // The broker's own log has told why.
        await restFor(RETRY_MS, stopping);
      }
    }
  };
  return listen();
}
