import { sql, type Transaction } from 'kysely';
import type { GatewaySchema } from '../database/access-schema.js';
import type { GatewayDatabase } from '../database/gateway-database.js';
import { newToken } from '../requests/token.js';

const INVITATION_LIFETIME = '14 days';

/** Passwords and invitations: what makes an account of core one that can sign in. */
export class Credentials {
  constructor(private readonly database: GatewayDatabase) {}

  async passwordHashOf(userId: string): Promise<string | null> {
    const row = await this.database.db
      .selectFrom('access.credentials')
      .select('password_hash')
      .where('user_id', '=', userId)
      .executeTakeFirst();
    return row?.password_hash ?? null;
  }

  /** Sets the password whether there was one or not; open invitations end with it. */
  async set(trx: Transaction<GatewaySchema>, userId: string, passwordHash: string): Promise<void> {
    await trx
      .insertInto('access.credentials')
      .values({ user_id: userId, password_hash: passwordHash })
      .onConflict((conflict) =>
        conflict.column('user_id').doUpdateSet({
          password_hash: passwordHash,
          version: sql<number>`credentials.version + 1`,
          updated_at: sql<Date>`clock_timestamp()`,
        }),
      )
      .execute();
    await this.#endInvitations(trx, userId);
  }

  /** Sets a first password; an existing one is left as it is. True when this call set it. */
  async setFirst(trx: Transaction<GatewaySchema>, userId: string, passwordHash: string): Promise<boolean> {
    const rows = await trx
      .insertInto('access.credentials')
      .values({ user_id: userId, password_hash: passwordHash })
      .onConflict((conflict) => conflict.column('user_id').doNothing())
      .returning('user_id')
      .execute();
    return rows.length > 0;
  }

  /** True when the person has a password. */
  async exists(trx: Transaction<GatewaySchema>, userId: string): Promise<boolean> {
    const row = await trx.selectFrom('access.credentials').select('user_id').where('user_id', '=', userId).executeTakeFirst();
    return row !== undefined;
  }

  /** True when the person has a password, or an invitation that can still be taken up. */
  async isBegun(trx: Transaction<GatewaySchema>, userId: string): Promise<boolean> {
    if (await this.exists(trx, userId)) return true;
    const invitation = await trx
      .selectFrom('access.invitations')
      .select('user_id')
      .where('user_id', '=', userId)
      .where('ended_at', 'is', null)
      .where(sql<boolean>`expires_at > clock_timestamp()`)
      .executeTakeFirst();
    return invitation !== undefined;
  }

  /** True when anybody can sign in at all. */
  async exist(): Promise<boolean> {
    const row = await this.database.db.selectFrom('access.credentials').select('user_id').limit(1).executeTakeFirst();
    return row !== undefined;
  }

  /** A one-time token by which the person sets his first password, good for 14 days; earlier ones end. */
  async invite(trx: Transaction<GatewaySchema>, userId: string): Promise<string> {
    await this.#endInvitations(trx, userId);
    const { token, hash } = newToken('invitation');
    await trx
      .insertInto('access.invitations')
      .values({
        token_hash: hash,
        user_id: userId,
        expires_at: sql<Date>`clock_timestamp() + ${INVITATION_LIFETIME}::interval`,
      })
      .execute();
    return token;
  }

  /** Whom an open invitation invites; null when it is unknown, used or expired. */
  async invited(tokenHash: Buffer): Promise<string | null> {
    const row = await this.database.db
      .selectFrom('access.invitations')
      .select('user_id')
      .where('token_hash', '=', tokenHash)
      .where('ended_at', 'is', null)
      .where(sql<boolean>`expires_at > clock_timestamp()`)
      .executeTakeFirst();
    return row?.user_id ?? null;
  }

  /** Uses an invitation up: of two at once, one gets the person's id. */
  async accept(trx: Transaction<GatewaySchema>, tokenHash: Buffer): Promise<string | null> {
    const row = await trx
      .updateTable('access.invitations')
      .set({ ended_at: sql<Date>`clock_timestamp()` })
      .where('token_hash', '=', tokenHash)
      .where('ended_at', 'is', null)
      .where(sql<boolean>`expires_at > clock_timestamp()`)
      .returning('user_id')
      .executeTakeFirst();
    return row?.user_id ?? null;
  }

  async #endInvitations(trx: Transaction<GatewaySchema>, userId: string): Promise<void> {
    await trx
      .updateTable('access.invitations')
      .set({ ended_at: sql<Date>`clock_timestamp()` })
      .where('user_id', '=', userId)
      .where('ended_at', 'is', null)
      .execute();
  }
}
