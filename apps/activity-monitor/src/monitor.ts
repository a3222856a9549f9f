import 'reflect-metadata';
import { Transport, type MicroserviceOptions } from '@nestjs/microservices';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { PROBLEMS } from '#contracts';
import { startBroker } from '#messaging';
import {
  brokerCheck,
  brokerLog,
  createHttpApp,
  createPool,
  databaseCheck,
  holdLeadership,
  kyselyOf,
  reduceError,
  type Logger,
} from '#platform';
import type { MonitorConfig } from './config.js';
import { Heartbeats } from './cut-off/heartbeats.js';
import { leadMonitor } from './fold/monitor-leader.js';
import { MonitorModule } from './monitor.module.js';

/** A running instance. */
export interface Monitor {
  /** Where health and metrics are answered. */
  readonly url: string;
  /** Finishes the batch in hand, hands the leadership over, and closes everything. */
  stop(): Promise<void>;
}

/**
 * Starts one instance: it answers queries, and stands to lead. Neither database nor broker need be there yet; what is down shows
 * in `/health/ready`.
 */
export async function startMonitor(config: MonitorConfig, logger: Logger): Promise<Monitor> {
  const applicationName = `activity-monitor-${config.instance}`;
  const pool = createPool({ connectionString: config.databaseUrl, max: config.poolSize, applicationName, logger });
  const db = kyselyOf<unknown>(pool);
  const broker = startBroker({ ...config.nats, name: applicationName, log: brokerLog(logger) });
  const heartbeats = new Heartbeats(broker);
  const checks = { database: databaseCheck(pool), broker: brokerCheck(broker) };
  const app = await createHttpApp(MonitorModule.forRoot(db, logger, checks), { logger, catalogue: PROBLEMS });
  answerQueries(app, config, logger);
  const leadership = holdLeadership({
    databaseUrl: config.databaseUrl,
    name: 'monitor-fold',
    onAcquired: (signal) => leadMonitor({ db, broker, heartbeats, logger }, signal),
    logger,
  });
  await app.listen(config.healthPort, config.host);
  logger.info('started');
  return {
    url: await app.getUrl(),
    stop: async () => {
      await leadership.stop();
      heartbeats.stop();
      await app.close();
      await broker.close();
      await db.destroy();
    },
  };
}

/** Queries come by Nest's NATS transport; its connection waits for a broker that is not up yet, and the service starts all the same. */
function answerQueries(app: NestFastifyApplication, config: MonitorConfig, logger: Logger): void {
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
      waitOnFirstConnect: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 200,
      pingInterval: 2_000,
    },
  });
  app.startAllMicroservices().catch((error: unknown) => {
    logger.error('queries cannot be answered', { error: reduceError(error) });
    process.exit(1);
  });
}
