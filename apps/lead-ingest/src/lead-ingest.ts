import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { PROBLEMS } from '#contracts';
import { startBroker, type Broker } from '#messaging';
import { brokerCheck, brokerLog, closeWithin, createHttpApp, type Logger } from '#platform';
import type { Config } from './config.js';
import { IntakeDoor } from './door/intake-door.js';
import { HOUR_MS, RateWindow } from './door/rate-window.js';
import { FormBook } from './forms/form-book.js';
import { FormWatch } from './forms/form-watch.js';
import { LeadIngestModule } from './lead-ingest.module.js';
import { registerMetrics } from './lead-ingest.metrics.js';
import { MAX_BODY_BYTES } from './leads/lead.reading.js';
import { LeadIntake } from './leads/lead-intake.js';
import { LeadSender, type LeadSenderOptions } from './sending/lead-sender.js';
import { openSpoolKeys } from './spool/spool.keys.js';
import { ReceiptExpiry } from './spool/receipt-expiry.js';
import { openSpool, type Spool } from './spool/spool.js';

const CLOSE_LIMIT_MS = 5_000;

/** A running ingest. */
export interface LeadIngest {
  readonly url: string;
  readonly spool: Spool;
  readonly broker: Broker;
  /** Answers what is in flight, stops sending and closes the spool; nothing accepted is lost. */
  stop(): Promise<void>;
}

/** Starts ingest: the spool first, then the port; broker and core are looked for meanwhile. Throws when the spool does not open. */
export async function startLeadIngest(
  config: Config,
  logger: Logger,
  sending: Partial<LeadSenderOptions> = {},
): Promise<LeadIngest> {
  const keys = openSpoolKeys(config.PALISADE_SPOOL_DIR);
  const spool = await openSpool({ dir: config.PALISADE_SPOOL_DIR });
  const book = await FormBook.open(spool, keys);
  const broker = startBroker({
    url: config.PALISADE_NATS_URL,
    user: config.PALISADE_NATS_USER,
    password: config.PALISADE_NATS_PASSWORD,
    name: `lead-ingest ${config.PALISADE_SERVICE_INSTANCE}`,
    log: brokerLog(logger),
  });
  registerMetrics(spool, broker);
  const door = new IntakeDoor(book, {
    trustedProxies: config.PALISADE_TRUSTED_PROXIES,
    perAddress: new RateWindow(config.PALISADE_FORM_RATE),
    perForm: new RateWindow(config.PALISADE_FORM_TOTAL_RATE),
  });
  const workers = [
    new FormWatch(broker, book, logger),
    new LeadSender(spool, broker, logger, { longestPauseMs: config.PALISADE_RUSH_PAUSE_MS, ...sending }),
    new ReceiptExpiry(spool, logger),
  ];
  // The form says how many; the window only counts.
  const hourly = new RateWindow(0, undefined, HOUR_MS);
  const app = await openPort(config, logger, { door, intake: new LeadIntake(spool, keys, book, hourly), spool, book, broker });
  return {
    url: await app.getUrl(),
    spool,
    broker,
    stop: async () => {
      await closeWithin(app, CLOSE_LIMIT_MS);
      await Promise.all(workers.map((worker) => worker.stop()));
      await broker.close();
      await spool.close();
    },
  };
}

interface Parts {
  readonly door: IntakeDoor;
  readonly intake: LeadIntake;
  readonly spool: Spool;
  readonly book: FormBook;
  readonly broker: Broker;
}

async function openPort(
  config: Config,
  logger: Logger,
  { door, intake, spool, book, broker }: Parts,
): Promise<NestFastifyApplication> {
  const checks = { spool: () => spool.checkWritable(), forms: async () => book.publicJwk };
  // Leads are taken without the broker: it is told of, and is no condition of readiness.
  const dispensable = { broker: brokerCheck(broker) };
  const metricsAnywhere = config.PALISADE_METRICS_ANYWHERE;
  const options = { logger, catalogue: PROBLEMS, bodyLimit: MAX_BODY_BYTES, metricsAnywhere };
  const app = await createHttpApp(LeadIngestModule.over({ door, intake, book, checks, dispensable }), options);
  door.guard(app.getHttpAdapter().getInstance());
  await app.listen(config.PALISADE_PORT, config.PALISADE_HOST);
  return app;
}
