import { z } from 'zod';
import { Secret } from '#kernel';

/** The settings are wrong. `problems` names each with what is expected; no value appears. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly problems: readonly string[]) {
    super(
      `wrong settings:\n${problems.map((problem) => `  ${problem}`).join('\n')}\nSet them in the environment and start again.`,
    );
  }
}

/**
 * Reads the settings once into one frozen object. The schema's keys are the names of the environment variables; an empty value
 * is an absent one, a name that the schema does not know is ignored. Throws ConfigError with everything that is wrong.
 */
export function readConfig<T extends z.ZodType>(schema: T, env: Readonly<Record<string, string | undefined>>): z.output<T> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const result = schema.safeParse(given);
  if (result.success) return deepFreeze(result.data);
  throw new ConfigError(result.error.issues.map((issue) => problemOf(issue, given)));
}

function problemOf(issue: z.core.$ZodIssue, given: Readonly<Record<string, unknown>>): string {
  const name = String(issue.path[0] ?? 'settings');
  if (!Object.hasOwn(given, name) && issue.path.length > 0) return `${name}: is missing`;
  // zod's own words describe the type and the bounds, never the value.
  return `${name}: ${issue.message}`;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && !Array.isArray(value)) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}

/** `read`, or the end of the process (exit code 1) with the list of what is wrong on stderr. */
export function exitOnConfigError<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    process.stderr.write(`${error instanceof ConfigError ? error.message : 'the settings could not be read'}\n`);
    process.exit(1);
  }
}

/** Log levels, quietest last. */
const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The pieces of which the services' settings are made. Each is a zod schema of the text in the environment. */
export const setting = {
  port: () =>
    z
      .string()
      .regex(/^\d{1,5}$/, 'expected a port, 0 to 65535')
      .transform(Number)
      .refine((port) => port <= 65_535, 'expected a port, 0 to 65535'),
  host: () => z.string().regex(/^[A-Za-z0-9.:_-]{1,253}$/, 'expected a host name or an IP address'),
  /** Which of several instances of a service it is: names its connections and its lines of the log. */
  instance: () => z.string().regex(/^\d{1,3}$/, 'expected a number of at most three digits'),
  /** A whole number from `min` to `max`. */
  integer: (min: number, max: number) =>
    z
      .string()
      .regex(/^-?\d{1,15}$/, `expected a whole number, ${min} to ${max}`)
      .transform(Number)
      .refine((value) => value >= min && value <= max, `expected a whole number, ${min} to ${max}`),
  flag: () => z.enum(['true', 'false'], 'expected true or false').transform((value) => value === 'true'),
  text: (maxLength = 1_000) => z.string().max(maxLength, `expected at most ${maxLength} characters`),
  secret: (minLength = 1) =>
    z
      .string()
      .min(minLength, `expected at least ${minLength} characters`)
      .transform((value) => new Secret(value)),
  /** A URL without credentials in it, with one of the given schemes (such as `nats`). */
  url: (...schemes: string[]) =>
    z
      .string()
      .refine(
        (value) => isUrl(value, schemes) && new URL(value).password === '',
        `expected a URL (${schemes.join(', ')}) without a password`,
      ),
  /** A URL that carries credentials, such as `postgres://user:password@host:port/database`. */
  secretUrl: (...schemes: string[]) =>
    z
      .string()
      .refine((value) => isUrl(value, schemes), `expected a URL (${schemes.join(', ')})`)
      .transform((value) => new Secret(value)),
  logLevel: () => z.enum(LOG_LEVELS, `expected one of ${LOG_LEVELS.join(', ')}`),
};

function isUrl(value: string, schemes: readonly string[]): boolean {
  return URL.canParse(value) && schemes.includes(new URL(value).protocol.slice(0, -1));
}
