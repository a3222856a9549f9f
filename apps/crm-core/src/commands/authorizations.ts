import type { Pool } from 'pg';
import type { AuthorizationRow } from '#contracts';
import { compileRights, type Principal, type Rights, type Role } from '#policy';

/** Loads what a person may do, as the database has it now. */
export class Authorizations {
  /** Rights compiled for one state of roles and people; a new `authzVersion` empties it. */
  private compiled = { authzVersion: -1, byUser: new Map<string, Rights>() };

  constructor(private readonly pool: Pool) {}

  /** The person with his rights, or undefined when he does not exist. */
  async load(userId: string): Promise<{ authorization: AuthorizationRow; principal: Principal } | undefined> {
    const result = await this.pool.query<{ row: AuthorizationRow | null }>({
      name: 'authorization',
      text: 'SELECT read.authorization_of($1) AS row',
      values: [userId],
    });
    const authorization = result.rows[0]?.row;
    if (authorization === null || authorization === undefined) return undefined;
    return { authorization, principal: this.principalOf(authorization) };
  }

  private principalOf(row: AuthorizationRow): Principal {
    if (this.compiled.authzVersion !== row.authzVersion) this.compiled = { authzVersion: row.authzVersion, byUser: new Map() };
    const known = this.compiled.byUser.get(row.userId);
    const rights =
      known ?? compileRights({ isAdmin: row.isAdmin, roles: row.roles as unknown as readonly Role[], roleIds: row.roleIds });
    this.compiled.byUser.set(row.userId, rights);
    return { userId: row.userId, isAdmin: row.isAdmin, rights, groupUserIds: new Set(row.groupUserIds) };
  }
}
