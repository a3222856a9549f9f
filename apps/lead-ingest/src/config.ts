import { z } from 'zod';
import { setting } from '#platform';
import { TrustedProxies } from './door/client-address.js';

/** Leads a minute; the upper bound only keeps a typing error out. */
const rate = (fallback: string) => z.string().default(fallback).pipe(setting.integer(1, 100_000_000));

/** The settings of lead-ingest, by the names of the environment. */
export const configSchema = z.object({
  PALISADE_NATS_URL: setting.url('nats', 'tls'),
  PALISADE_NATS_USER: setting.text(100).default('ingest'),
  PALISADE_NATS_PASSWORD: setting.secret(),
  PALISADE_HOST: z.string().default('127.0.0.1').pipe(setting.host()),
  PALISADE_PORT: z.string().default('3001').pipe(setting.port()),
  /** This instance's own directory; made with mode 0700. */
  PALISADE_SPOOL_DIR: setting.text(),
  PALISADE_FORM_RATE: rate('600'),
  PALISADE_FORM_TOTAL_RATE: rate('6000'),
  /** The longest pause of sending to core while leads come in a rush, in milliseconds; 0 for none. The bound keeps a lead from waiting long. */
  PALISADE_RUSH_PAUSE_MS: z.string().default('2000').pipe(setting.integer(0, 10_000)),
  /** Addresses and CIDRs, separated by commas, whose X-Forwarded-For is believed. */
  PALISADE_TRUSTED_PROXIES: z
    .string()
    .default('')
    .transform((text, context) => {
      try {
        return new TrustedProxies(text === '' ? [] : text.split(',').map((entry) => entry.trim()));
      } catch {
        context.addIssue({ code: 'custom', message: 'expected addresses and CIDRs, separated by commas' });
        return z.NEVER;
      }
    }),
  PALISADE_SERVICE_INSTANCE: setting.text(100).default('1'),
  PALISADE_LOG_LEVEL: setting.logLevel().default('info'),
  /** `/metrics` is answered to anybody, and not to this machine alone. */
  PALISADE_METRICS_ANYWHERE: setting.flag().default(false),
});
export type Config = z.infer<typeof configSchema>;
