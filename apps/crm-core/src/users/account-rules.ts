import type { Pool } from 'pg';
import { refuse } from '#kernel';
import type { Statement } from '#event-store';
import type { Principal } from '#policy';
import { readCompany } from '../authz/company.js';
import type { Company } from '../authz/granting.js';

/** The lock under which the last active administrator is decided about; the gate's hold takes the same one. */
export const LAST_ADMINISTRATOR_LOCK = 'last-administrator';

/** Run after the projections: raises when no active administrator without a hold is left. */
export const REQUIRE_ADMINISTRATOR: Statement = {
  name: 'require administrator',
  text: 'SELECT read.require_administrator()',
  values: [],
};

/** Run after the projections: raises when the administrator made is not the only one. */
export const REQUIRE_FIRST_ADMINISTRATOR: Statement = {
  name: 'require first administrator',
  text: 'SELECT read.require_first_administrator()',
  values: [],
};

/** Runs an append whose guard may find that nobody would be left to administer, or that somebody is there already. */
export async function keepingAnAdministrator<T>(append: () => Promise<T>): Promise<T> {
  try {
    return await append();
  } catch (error) {
    const code = (error as { code?: unknown } | null)?.code;
    if (code === 'PA010') return refuse('last-administrator');
    if (code === 'PA013') return refuse('already-exists');
    throw error;
  }
}

/** What a command about people refers to, looked up in the read models. */
export class AccountRules {
  constructor(private readonly pool: Pool) {}

  company(): Promise<Company> {
    return readCompany(this.pool);
  }

  /** Throws `email-taken` when another person signs in with this address, whatever its case. */
  async requireFreeEmail(email: string, ownId: string | null): Promise<void> {
    const found = await this.pool.query<{ id: string }>('SELECT id FROM read.users WHERE lower(email) = lower($1)', [email]);
    if (found.rows.some(({ id }) => id !== ownId)) refuse('email-taken');
  }

  /** Whether a hold of the present epoch stands, and the moment of this answer by the database's clock. */
  async standing(userId: string): Promise<{ readonly isHeld: boolean; readonly at: string }> {
    const result = await this.pool.query<{ held: boolean; at: string }>(
      `SELECT watch.is_held($1) AS held, to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at`,
      [userId],
    );
    const row = result.rows[0];
    if (row === undefined) throw new Error('the database gave no standing');
    return { isHeld: row.held, at: row.at };
  }

  /** The only administrator is told that he is, before he is told that nobody acts on himself. Throws `last-administrator`. */
  async refuseLeavingNobody(principal: Principal, userId: string): Promise<void> {
    if (!principal.isAdmin || principal.userId !== userId) return;
    const others = await this.pool.query(
      `SELECT 1 FROM read.principals WHERE is_admin AND status = 'active' AND user_id <> $1 AND NOT watch.is_held(user_id) LIMIT 1`,
      [userId],
    );
    if (others.rowCount === 0) refuse('last-administrator');
  }

  async hasAdministrator(): Promise<boolean> {
    const found = await this.pool.query('SELECT 1 FROM read.principals WHERE is_admin LIMIT 1');
    return found.rowCount !== 0;
  }
}

/** The lock under which an e-mail is looked for and taken. It holds no e-mail: advisory locks are numbers of the text. */
export const emailLock = (email: string): string => `user-email:${email.toLowerCase()}`;
