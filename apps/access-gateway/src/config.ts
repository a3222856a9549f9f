import { z } from 'zod';
import { setting } from '#platform';
import { parseRange } from '#policy';
import { ANSWER_WITHIN_MS } from './database/gateway-database.js';

/** Settings of access-gateway, read once. All limits of this service stand here. */
export const gatewayConfigSchema = z
  .object({
    PALISADE_DATABASE_URL: setting.secretUrl('postgres', 'postgresql'),
    PALISADE_NATS_URL: setting.url('nats', 'tls'),
    PALISADE_NATS_USER: z.string().min(1),
    PALISADE_NATS_PASSWORD: setting.secret(),
    PALISADE_SERVICE_INSTANCE: setting.instance().default('0'),
    PALISADE_HOST: setting.host().default('127.0.0.1'),
    PALISADE_PORT: setting.port().default(3000),
    PALISADE_LOG_LEVEL: setting.logLevel().default('info'),
    /** `/metrics` is answered to anybody, and not to this machine alone. */
    PALISADE_METRICS_ANYWHERE: setting.flag().default(false),
    /** Addresses and CIDRs, separated by commas, whose X-Forwarded-For is believed. */
    PALISADE_TRUSTED_PROXIES: z
      .string()
      .transform((text) => text.split(',').map((entry) => entry.trim()))
      .refine(
        (entries) => entries.every((entry) => parseRange(entry) !== null),
        'expected addresses or CIDRs, separated by commas',
      )
      .default([]),
    PALISADE_ADMIN_EMAIL: z
      .string()
      .regex(/^[^\s@]+@[^\s@]+$/, 'expected an e-mail address')
      .optional(),
    /** As any password: 12 characters at least (`accounts/password-policy.ts`). */
    PALISADE_ADMIN_PASSWORD: setting.secret(12).optional(),
    /** Where the file `factor-key` lies, made when it is missing. Gateways of one installation share it. */
    PALISADE_GATEWAY_KEY_DIR: z.string().min(1).default('.data/gateway-keys'),
    /** The key of second factors from outside, in place of that file: 32 bytes in base64. */
    PALISADE_FACTOR_KEY: setting.secret().optional(),
    /** Rows of one export at most. */
    PALISADE_EXPORT_MOST_ROWS: setting.integer(1, 100_000).default(100_000),
    /** Bytes of one file to import, and its lines, at most. */
    PALISADE_IMPORT_MOST_BYTES: setting.integer(1, 50_000_000).default(10_000_000),
    PALISADE_IMPORT_MOST_LINES: setting.integer(1, 100_000).default(20_000),
    /** Webhooks may go to loopback and private addresses too. */
    PALISADE_ALLOW_PRIVATE_TARGETS: setting.flag().default(false),
    /** Connections to PostgreSQL. */
    PALISADE_GATEWAY_POOL: setting.integer(4, 100).default(16),
    /** Milliseconds after which a request that waits for the database is refused (503). */
    PALISADE_DATABASE_ANSWER_MS: setting.integer(100, 30_000).default(ANSWER_WITHIN_MS),
  })
  .transform((env) => ({
    databaseUrl: env.PALISADE_DATABASE_URL,
    nats: { url: env.PALISADE_NATS_URL, user: env.PALISADE_NATS_USER, password: env.PALISADE_NATS_PASSWORD },
    instance: env.PALISADE_SERVICE_INSTANCE,
    host: env.PALISADE_HOST,
    port: env.PALISADE_PORT,
    logLevel: env.PALISADE_LOG_LEVEL,
    metricsAnywhere: env.PALISADE_METRICS_ANYWHERE,
    trustedProxies: env.PALISADE_TRUSTED_PROXIES,
    administrator: { email: env.PALISADE_ADMIN_EMAIL, password: env.PALISADE_ADMIN_PASSWORD },
    keyDir: env.PALISADE_GATEWAY_KEY_DIR,
    factorKey: env.PALISADE_FACTOR_KEY,
    poolSize: env.PALISADE_GATEWAY_POOL,
    answerWithinMs: env.PALISADE_DATABASE_ANSWER_MS,
    exportMostRows: env.PALISADE_EXPORT_MOST_ROWS,
    imports: { mostBytes: env.PALISADE_IMPORT_MOST_BYTES, mostLines: env.PALISADE_IMPORT_MOST_LINES },
    allowPrivateTargets: env.PALISADE_ALLOW_PRIVATE_TARGETS,
  }));
export type GatewayConfig = z.output<typeof gatewayConfigSchema>;
