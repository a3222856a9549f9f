import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { isPhoneRegion } from '#privacy';

/** What the demonstration is asked to do. */
export interface DemoOptions {
  readonly contacts: number;
  readonly deals: number;
  /** Absolute path of a file of customers. */
  readonly customers?: string;
  /** The company's region (ISO 3166-1 alpha-2), by which numbers without a country code are read. */
  readonly region?: string;
}

/** The command line cannot be read; the message says how it is written. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const USAGE = `npm run demo -- [options]        (the system must be running: npm start)
  --contacts N       contacts to make (2000; at least 120, so that a department has 40 to scrape)
  --deals N          deals to make (500; at least 20)
  --customers FILE   the customers of a CSV file as well; what does not parse is reported by line
  --region XX        the region in which the company reads numbers, for example RU
  --help             this text
The administrator comes from PALISADE_ADMIN_EMAIL and PALISADE_ADMIN_PASSWORD, the system from PALISADE_DATA_DIR (.data).`;

/** Throws `UsageError`. Null when only help is asked for. `workingDirectory` is where the person stands. */
export function parseOptions(args: readonly string[], workingDirectory: string): DemoOptions | null {
  const { contacts, deals, customers, region, help } = readArguments(args);
  if (help === true) return null;
  if (region !== undefined && !isPhoneRegion(region.toUpperCase()))
    throw new UsageError('--region: expected two letters, like RU');
  return {
    contacts: wholeNumber('--contacts', contacts, 2_000, 120),
    deals: wholeNumber('--deals', deals, 500, 20),
    ...(customers === undefined ? {} : { customers: resolve(workingDirectory, customers) }),
    ...(region === undefined ? {} : { region: region.toUpperCase() }),
  };
}

function readArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        contacts: { type: 'string' },
        deals: { type: 'string' },
        customers: { type: 'string' },
        region: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'the options cannot be read');
  }
}

function wholeNumber(name: string, text: string | undefined, fallback: number, smallest: number): number {
  if (text === undefined) return fallback;
  if (/^\d{1,6}$/.test(text) && Number(text) >= smallest) return Number(text);
  throw new UsageError(`${name}: expected a whole number from ${smallest}`);
}
