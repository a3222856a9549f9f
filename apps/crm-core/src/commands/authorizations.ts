import type { Pool } from 'pg';
import type { AuthorizationRow } from '#contracts';
import { Batches, Remembered } from '#platform';
import { compileRights, type Principal, type Role } from '#policy';

/** What a person may do, under one version of rights. */
export interface Authorized {
  readonly authorization: AuthorizationRow;
  readonly principal: Principal;
}

/** People in memory, and the ids of their groups together, of which each takes some hundred bytes. */
const REMEMBERED_MAX = 10_000;
const GROUP_IDS_MAX = 300_000;
/** No rights are kept under it. */
const NO_VERSION = -1;

/**
 * What people may do, as the database has it now. Rights are kept in memory under the version at which they were read, and every
 * look asks for the version first: whatever changes them raises it in the same transaction.
 */
export class Authorizations {
  /** Of one version. Roles and settings are the same for all: kept once, not once a person. */
  private known = { authzVersion: NO_VERSION, byUser: nobody() };

  /** Who asks while a look is on its way is answered by the next one, which begins after he asked: it is never older than his command. */
  private readonly versions: Batches<null, number>;

  constructor(private readonly pool: Pool) {
    this.versions = new Batches({
      atOnce: 1,
      alone: () => this.version(),
      together: async (asked) => {
        const version = await this.version();
        return asked.map(() => version);
      },
    });
  }

  /** The person with his rights, or undefined when he does not exist. */
  async load(userId: string): Promise<Authorized | undefined> {
    const version = await this.versions.ask(null);
    const known = this.known.authzVersion === version ? this.known.byUser.get(userId) : undefined;
    return known ?? this.read(userId);
  }

  private async version(): Promise<number> {
    const { rows } = await this.pool.query<{ authz_version: number }>({
      name: 'authz-version',
      text: 'SELECT authz_version FROM read.security',
      values: [],
    });
    return rows[0]?.authz_version ?? NO_VERSION;
  }

  private async read(userId: string): Promise<Authorized | undefined> {
    const result = await this.pool.query<{ row: AuthorizationRow | null }>({
      name: 'authorization',
      text: 'SELECT read.authorization_of($1) AS row',
      values: [userId],
    });
    const row = result.rows[0]?.row;
    if (row === null || row === undefined) return undefined;
    // What was read before another version came must not stand under the new one.
    const isOld = row.authzVersion < this.known.authzVersion;
    if (!isOld && row.authzVersion !== this.known.authzVersion) {
      this.known = { authzVersion: row.authzVersion, byUser: nobody() };
    }
    const other = this.known.byUser.any();
    const shared =
      isOld || other === undefined ? {} : { roles: other.authorization.roles, settings: other.authorization.settings };
    const authorized = authorizedBy({ ...row, ...shared });
    if (!isOld) this.known.byUser.set(userId, authorized);
    return authorized;
  }
}

function nobody(): Remembered<Authorized> {
  return new Remembered<Authorized>({
    ...{ most: REMEMBERED_MAX, mostWeight: GROUP_IDS_MAX, weightOf: ({ authorization }) => authorization.groupUserIds.length },
  });
}

function authorizedBy(row: AuthorizationRow): Authorized {
  const rights = compileRights({ isAdmin: row.isAdmin, roles: row.roles as unknown as readonly Role[], roleIds: row.roleIds });
  const principal = { userId: row.userId, isAdmin: row.isAdmin, rights, groupUserIds: new Set(row.groupUserIds) };
  return { authorization: row, principal };
}
