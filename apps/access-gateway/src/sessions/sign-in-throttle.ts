import { createHmac } from 'node:crypto';
import type { Transaction } from 'kysely';
import { sql } from 'kysely';
import { parseAddress } from '#policy';
import type { GatewaySchema } from '../database/access-schema.js';
import type { GatewayDatabase } from '../database/gateway-database.js';

/** Failures within the window before guesses are refused: part of the API's contract. */
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

/** Counted beforehand as a failure, or to be refused for so long. */
export type BegunGuess = { readonly failureId: string } | { readonly waitSeconds: number };

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

  /**
   * Counts the guess as failed before it is judged: guesses side by side, at whatever gateway, do not outrun the limit, and one
   * whose judge dies is not free. Call `failed`, `succeeded` or `takeBack` with the outcome.
   */
  async begin(guess: Guess): Promise<BegunGuess> {
    const ip = neighbourhood(guess.ip);
    const account = guess.account.toString('hex');
    return this.database.transaction(async (trx) => {
      // Always in this order, so that two guesses do not wait for each other; a snapshot that is taken after it sees the others.
      for (const name of [`guess-address ${ip}`, `guess-account ${account}`]) {
        await sql`SELECT pg_advisory_xact_lock(hashtextextended(${name}, 0))`.execute(trx);
      }
      const counts = await this.#counts(trx, guess, ip);
      if (isSpent(counts, guess.isAdmin)) {
        return { waitSeconds: Math.max(1, Math.ceil(WINDOW_SECONDS - counts.oldest_age)) };
      }
      const { id } = await trx
        .insertInto('access.sign_in_failures')
        .values({ account: guess.account, ip })
        .returning('id')
        .executeTakeFirstOrThrow();
      return { failureId: id };
    });
  }

  /** The guess was wrong; `atSecondFactor`: the password was right. */
  async failed(trx: Transaction<GatewaySchema>, failureId: string, atSecondFactor = false): Promise<void> {
    await trx
      .updateTable('access.sign_in_failures')
      .set({ at_second_factor: atSecondFactor })
      .where('id', '=', failureId)
      .execute();
    await sql`DELETE FROM access.sign_in_failures WHERE at < clock_timestamp() - interval '1 day'`.execute(trx);
  }

  /** The guess was right as far as it went: it is no failure, and forgives none. */
  async takeBack(failureId: string): Promise<void> {
    await this.database.db.deleteFrom('access.sign_in_failures').where('id', '=', failureId).execute();
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

  async #counts(trx: Transaction<GatewaySchema>, { account, userId }: Guess, ip: string): Promise<Counts> {
    const { rows } = await sql<Counts>`
      SELECT count(*) FILTER (WHERE account = ${account} AND ip = ${ip}) AS pair,
             count(*) FILTER (WHERE ip = ${ip}) AS address,
             count(*) FILTER (WHERE account = ${account}) AS account,
             count(*) FILTER (WHERE account = ${account} AND at_second_factor) AS second_factor,
             EXISTS (SELECT FROM access.known_addresses k WHERE k.user_id = ${userId}::uuid AND k.ip = ${ip}) AS known,
             coalesce(extract(epoch FROM clock_timestamp() - min(at)), 0)::float8 AS oldest_age
      FROM access.sign_in_failures
      WHERE at > clock_timestamp() - ${WINDOW}::interval AND (account = ${account} OR ip = ${ip})`.execute(trx);
    if (rows[0] === undefined) throw new Error('a count gave no row');
    return rows[0];
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
