import type { AuthorizationRow } from '#contracts';
import { Remembered } from '#platform';
import { compileRights, type Grants, type Principal } from '#policy';
import type { GatewayDatabase } from '../database/gateway-database.js';

/** What is known of a person's standing, compiled for decisions. */
export interface Authorization {
  readonly row: AuthorizationRow;
  readonly principal: Principal;
}

/** People in memory, and the ids of their groups together, of which each takes some hundred bytes. */
const REMEMBERED_MAX = 10_000;
const GROUP_IDS_MAX = 300_000;

/**
 * People's rights in memory, each under the version of rights it was read at. Whoever asks names the version his statement saw in
 * `read.security`; another one means: read again. So a right taken away is gone with the next statement, broker or no broker.
 */
export class Authorizations {
  readonly #database: GatewayDatabase;
  readonly #known = new Remembered<Authorization>({
    ...{ most: REMEMBERED_MAX, mostWeight: GROUP_IDS_MAX, weightOf: ({ row }) => row.groupUserIds.length },
  });
  readonly #loading = new Map<string, Promise<Authorization | null>>();
  /** Roles and settings are the same for all: kept once, not once a person. */
  #common: Pick<AuthorizationRow, 'authzVersion' | 'roles' | 'settings'> | undefined;

  constructor(database: GatewayDatabase) {
    this.#database = database;
  }

  /** The person's rights as of `authzVersion` or later; null when there is no such person. */
  async current(userId: string, authzVersion: number): Promise<Authorization | null> {
    const known = this.#known.get(userId);
    if (known?.row.authzVersion === authzVersion) return known;
    const loading = this.#loading.get(userId);
    if (loading !== undefined) {
      const loaded = await loading;
      // It may have begun before the version that was asked for.
      if (loaded === null || loaded.row.authzVersion >= authzVersion) return loaded;
    }
    return this.#load(userId);
  }

  /** What is in memory of a person, of whatever version. */
  known(userId: string): Authorization | undefined {
    return this.#known.get(userId);
  }

  /** Forgets a person; the next request reads him anew. */
  drop(userId: string): void {
    this.#known.delete(userId);
  }

  #load(userId: string): Promise<Authorization | null> {
    const loading = this.#read(userId).finally(() => {
      if (this.#loading.get(userId) === loading) this.#loading.delete(userId);
    });
    this.#loading.set(userId, loading);
    return loading;
  }

  async #read(userId: string): Promise<Authorization | null> {
    const rows = await this.#database.promptly<{ authorization: AuthorizationRow | null }>(
      'authorization-of',
      'SELECT read.authorization_of($1::uuid) AS "authorization"',
      [userId],
    );
    const row = rows[0]?.authorization ?? null;
    if (row === null) {
      this.#known.delete(userId);
      return null;
    }
    const authorization = compile(this.#sharing(row));
    this.#known.set(userId, authorization);
    return authorization;
  }

  #sharing(row: AuthorizationRow): AuthorizationRow {
    if (this.#common?.authzVersion !== row.authzVersion) {
      const { authzVersion, roles, settings } = row;
      this.#common = { authzVersion, roles, settings };
    }
    return { ...row, ...this.#common };
  }
}

/** The policy's view of a person. */
export function compile(row: AuthorizationRow): Authorization {
  const { userId, isAdmin, roleIds, groupUserIds } = row;
  // Levels that the catalogue does not know are taken as forbidden by the policy itself.
  const roles = row.roles.map((role) => ({ ...role, grants: role.grants as Grants }));
  const rights = compileRights({ isAdmin, roles, roleIds });
  return { row, principal: { userId, isAdmin, rights, groupUserIds: new Set(groupUserIds) } };
}
