import { z } from 'zod';
import { setting } from '#platform/base';

/** Settings of crm-core, read once. All limits of this service stand here. */
export const coreConfigSchema = z
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
    /** Where the key file lies when the key does not come from outside. */
    PALISADE_KEY_DIR: z.string().min(1).default('.data/keys'),
    /** Key-encryption key: 32 bytes, base64. */
    PALISADE_KEK: setting.secret().optional(),
    /** While the key from outside is changed: the one before, which still opens (`npm run rotate-keys`). */
    PALISADE_KEK_PREVIOUS: setting.secret().optional(),
    /** Where signed heads are written, outside the database. */
    PALISADE_HEADS_FILE: z.string().min(1).default('.data/heads/heads.jsonl'),
    /** Where signed heads are posted as well. */
    PALISADE_HEADS_WEBHOOK: setting.url('http', 'https').optional(),
    /** Where calls are posted; without it there is no telephone system, and calls are logged, masked. */
    PALISADE_TELEPHONY_URL: setting.url('http', 'https').optional(),
    /** Signs what is posted there; at least 32 characters. */
    PALISADE_TELEPHONY_SECRET: setting.secret(32).optional(),
    /** Lets these targets be on loopback or in a private network. */
    PALISADE_ALLOW_PRIVATE_TARGETS: setting.flag().default(false),
    /** Connections to PostgreSQL. */
    PALISADE_CORE_POOL: setting.integer(4, 100).default(24),
  })
  .refine((env) => env.PALISADE_TELEPHONY_URL === undefined || env.PALISADE_TELEPHONY_SECRET !== undefined, {
    path: ['PALISADE_TELEPHONY_SECRET'],
    message: 'is needed with PALISADE_TELEPHONY_URL',
  })
  .transform((env) => ({
    databaseUrl: env.PALISADE_DATABASE_URL,
    nats: { url: env.PALISADE_NATS_URL, user: env.PALISADE_NATS_USER, password: env.PALISADE_NATS_PASSWORD },
    instance: env.PALISADE_SERVICE_INSTANCE,
    host: env.PALISADE_HOST,
    healthPort: env.PALISADE_HEALTH_PORT,
    logLevel: env.PALISADE_LOG_LEVEL,
    metricsAnywhere: env.PALISADE_METRICS_ANYWHERE,
    keyDir: env.PALISADE_KEY_DIR,
    kek: env.PALISADE_KEK,
    kekPrevious: env.PALISADE_KEK_PREVIOUS,
    headsFile: env.PALISADE_HEADS_FILE,
    headsWebhook: env.PALISADE_HEADS_WEBHOOK,
    telephony:
      env.PALISADE_TELEPHONY_URL === undefined || env.PALISADE_TELEPHONY_SECRET === undefined
        ? undefined
        : { url: env.PALISADE_TELEPHONY_URL, secret: env.PALISADE_TELEPHONY_SECRET },
    allowPrivateTargets: env.PALISADE_ALLOW_PRIVATE_TARGETS,
    poolSize: env.PALISADE_CORE_POOL,
  }));
export type CoreConfig = z.output<typeof coreConfigSchema>;
