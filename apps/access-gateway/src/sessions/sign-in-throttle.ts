import { createHmac } from 'node:crypto';
import type { Transaction } from 'kysely';
import { sql } from 'kysely';
import { parseAddress } from '#policy';
import type { GatewaySchema } from '../database/access-schema.js';
import type { GatewayDatabase } from '../database/gateway-database.js';

/** Failures within the window before guesses are refused (http-api.md "Conventions"). */
const MOST_FAILURES = 20;
const WINDOW = '15 minutes';
const WINDOW_SECONDS = 900;

/** Who is guessed at, and from where. */
export interface Guess {
  /** HMAC of the name tried, whether it exists or not. */
  readonly account: Buffer;
  readonly ip: string;
  /** Null for a name that does not exist. */
  readonly userId: string | null;
  readonly isAdmin: boolean;
}

interface Counts {
  pair: number;
  address: number;
  account: number;
  second_factor: number;
  known: boolean;
  oldest_age: number;
}

/**
 * Slows guessing. Only failures count. One account from one address: 20 in 15 minutes. From an address that the account has
 * never signed in from also 20 of the address over all accounts, and 20 of the account over all addresses. The last does not
 * hold for administrators: strangers all over the world could otherwise keep them out; each stranger's address is spent after
 * 20. Who fails at the second factor is no stranger, he has the password: 20 such failures, wherever from, hold for
 * administrators too, save where they have signed in before.
 */
export class SignInThrottle {
  #key: Promise<Buffer> | undefined;

  constructor(private readonly database: GatewayDatabase) {}

  /** The HMAC under which a name tried at sign-in is kept. */
  async accountOf(email: string): Promise<Buffer> {
    this.#key ??= this.#readKey();
    const reading = this.#key;
    try {
      return createHmac('sha256', await reading)
        .update(email)
        .digest();
    } catch (error) {
      if (this.#key === reading) this.#key = undefined;
      throw error;
    }
  }

  /** Seconds to wait, or null when the guess may be judged. */
  async waitFor(guess: Guess): Promise<number | null> {
    const rows = await this.database.query<Counts & Record<string, unknown>>('sign-in-failures', COUNTS_SQL, [
      guess.account,
      neighbourhood(guess.ip),
      guess.userId,
    ]);
    const counts = rows[0];
    if (counts === undefined || !isSpent(counts, guess.isAdmin)) return null;
    return Math.max(1, Math.ceil(WINDOW_SECONDS - counts.oldest_age));
  }

  /** `atSecondFactor`: the password was right. */
  async failed(trx: Transaction<GatewaySchema>, guess: Guess, atSecondFactor = false): Promise<void> {
    await trx
      .insertInto('access.sign_in_failures')
      .values({ account: guess.account, ip: neighbourhood(guess.ip), at_second_factor: atSecondFactor })
      .execute();
    await sql`DELETE FROM access.sign_in_failures WHERE at < clock_timestamp() - interval '1 day'`.execute(trx);
  }

  /** The account's own failures from here are forgiven, and the address is known as his from now on. */
  async succeeded(trx: Transaction<GatewaySchema>, guess: Guess & { readonly userId: string }): Promise<void> {
    const ip = neighbourhood(guess.ip);
    await trx.deleteFrom('access.sign_in_failures').where('account', '=', guess.account).where('ip', '=', ip).execute();
    await trx
      .insertInto('access.known_addresses')
      .values({ user_id: guess.userId, ip })
      .onConflict((conflict) => conflict.columns(['user_id', 'ip']).doUpdateSet({ last_at: sql<Date>`clock_timestamp()` }))
      .execute();
  }

  async #readKey(): Promise<Buffer> {
    const rows = await this.database.query<{ value: Buffer }>(
      'account-key',
      `SELECT value FROM access.secrets WHERE name = 'account-hmac'`,
      [],
    );
    if (rows[0] === undefined) throw new Error('the schema access is not migrated');
    return rows[0].value;
  }
}

const COUNTS_SQL = `
  SELECT count(*) FILTER (WHERE account = $1 AND ip = $2) AS pair,
         count(*) FILTER (WHERE ip = $2) AS address,
         count(*) FILTER (WHERE account = $1) AS account,
         count(*) FILTER (WHERE account = $1 AND at_second_factor) AS second_factor,
         EXISTS (SELECT 1 FROM access.known_addresses k WHERE k.user_id = $3::uuid AND k.ip = $2) AS known,
         coalesce(extract(epoch FROM clock_timestamp() - min(at)), 0)::float8 AS oldest_age
  FROM access.sign_in_failures
  WHERE at > clock_timestamp() - interval '${WINDOW}' AND (account = $1 OR ip = $2)`;

function isSpent(counts: Counts, isAdmin: boolean): boolean {
  if (counts.pair >= MOST_FAILURES) return true;
  if (counts.known) return false;
  if (counts.address >= MOST_FAILURES || counts.second_factor >= MOST_FAILURES) return true;
  return !isAdmin && counts.account >= MOST_FAILURES;
}

/** One person's IPv6 network is a /64 (RFC 6177): an attacker has all of its addresses. IPv4 counts singly. */
export function neighbourhood(ip: string): string {
  const address = parseAddress(ip);
  if (address === null || address.family === 4) return ip;
  return `${(address.value >> 64n).toString(16)}::/64`;
}
