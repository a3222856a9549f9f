import { z } from 'zod';
import { setting } from '#platform';

/** Settings of the activity monitor, read once. */
export const monitorConfigSchema = z
  .object({
    PALISADE_DATABASE_URL: setting.secretUrl('postgres', 'postgresql'),
    PALISADE_NATS_URL: setting.url('nats', 'tls'),
    PALISADE_NATS_USER: z.string().min(1),
    PALISADE_NATS_PASSWORD: setting.secret(),
    PALISADE_SERVICE_INSTANCE: setting.instance().default('0'),
    PALISADE_HOST: setting.host().default('127.0.0.1'),
    PALISADE_HEALTH_PORT: setting.port().default(0),
    PALISADE_LOG_LEVEL: setting.logLevel().default('info'),
    /** `/metrics` is answered to anybody, and not to this machine alone. */
    PALISADE_METRICS_ANYWHERE: setting.flag().default(false),
    /** Connections to PostgreSQL, the leader's lock not counted. */
    PALISADE_MONITOR_POOL: setting.integer(2, 50).default(6),
    /** Full months that the exposure ledger is kept, beside the present one. */
    PALISADE_LEDGER_RETENTION_MONTHS: setting.integer(1, 240).default(36),
  })
  .transform((env) => ({
    databaseUrl: env.PALISADE_DATABASE_URL,
    nats: { url: env.PALISADE_NATS_URL, user: env.PALISADE_NATS_USER, password: env.PALISADE_NATS_PASSWORD },
    instance: env.PALISADE_SERVICE_INSTANCE,
    host: env.PALISADE_HOST,
    healthPort: env.PALISADE_HEALTH_PORT,
    logLevel: env.PALISADE_LOG_LEVEL,
    metricsAnywhere: env.PALISADE_METRICS_ANYWHERE,
    poolSize: env.PALISADE_MONITOR_POOL,
    ledgerRetentionMonths: env.PALISADE_LEDGER_RETENTION_MONTHS,
  }));
export type MonitorConfig = z.output<typeof monitorConfigSchema>;
