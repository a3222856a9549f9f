import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { FIRST_SECURITY_SETTINGS, type Limit, type SecuritySettings, type WatchEvent } from '#contracts';
import { testDatabase, type TestDatabase } from '#testing';

/** What `watch.admit` answers. */
export interface Admission {
  readonly decision: 'admitted' | 'refused' | 'inactive';
  readonly measure: string | null;
  readonly window: string | null;
  readonly action: string | null;
  readonly max: number | null;
  readonly count: number | null;
  readonly refused_at: Date | null;
}

export interface Asking {
  readonly viewer: string;
  readonly measure?: string;
  readonly kind?: string;
  readonly subjects?: readonly string[];
  readonly request?: string;
}

export interface Principal {
  readonly userId?: string;
  readonly status?: string;
  readonly isAdmin?: boolean;
  readonly roleIds?: readonly string[];
  readonly epoch?: number;
}

/** A database with the gate, asked as the gateway asks it, with people and settings as core writes them. */
export class GateDatabase {
  private constructor(
    readonly database: TestDatabase,
    readonly core: pg.Pool,
    readonly gateway: pg.Pool,
    readonly monitor: pg.Pool,
  ) {}

  static async open(connections = 4): Promise<GateDatabase> {
    const database = await testDatabase();
    const pool = (connectionString: string, max: number): pg.Pool => {
      const opened = new pg.Pool({ connectionString, max });
      opened.on('error', () => undefined);
      return opened;
    };
    return new GateDatabase(
      database,
      pool(database.coreUrl, 2),
      pool(database.gatewayUrl, connections),
      pool(database.monitorUrl, 4),
    );
  }

  async close(): Promise<void> {
    await Promise.all([this.core.end(), this.gateway.end(), this.monitor.end()]);
    await this.database.drop();
  }

  async person(principal: Principal = {}): Promise<string> {
    const { userId = randomUUID(), status = 'active', isAdmin = false, roleIds = [], epoch = 1 } = principal;
    await this.core.query(
      `INSERT INTO read.principals (user_id, status, is_admin, role_ids, epoch, epoch_since, version)
       VALUES ($1, $2, $3, $4, $5, now() - interval '100 days', 1)
       ON CONFLICT (user_id) DO UPDATE SET status = $2, is_admin = $3, role_ids = $4, epoch = $5`,
      [userId, status, isAdmin, roleIds, epoch],
    );
    await this.raiseAuthz();
    return userId;
  }

  /** As core does with every change of people, roles, departments and settings. */
  async raiseAuthz(): Promise<void> {
    await this.core.query('UPDATE read.security SET authz_version = authz_version + 1');
  }

  async settings(monitoring: Partial<SecuritySettings['activityMonitoring']>, timeZone = 'Europe/Moscow'): Promise<void> {
    const settings = {
      ...FIRST_SECURITY_SETTINGS,
      timeZone,
      activityMonitoring: { ...FIRST_SECURITY_SETTINGS.activityMonitoring, ...monitoring },
    };
    await this.core.query('UPDATE read.security SET settings = $1, authz_version = authz_version + 1', [
      JSON.stringify(settings),
    ]);
  }

  async admit(asking: Asking, client: pg.Pool | pg.PoolClient = this.gateway): Promise<Admission> {
    const { viewer, measure = 'contact.opened', kind = 'card', subjects = [randomUUID()], request = randomUUID() } = asking;
    const { rows } = await client.query<Admission>({
      name: 'admit',
      text: 'SELECT * FROM watch.admit($1, $2, $3, $4, $5::uuid[], $6, $7, $8, $9, $10)',
      values: [viewer, measure, kind, 'contact', subjects, request, null, null, null, true],
    });
    return rows[0] as Admission;
  }

  async events(userId: string): Promise<WatchEvent[]> {
    const { rows } = await this.gateway.query<{ payload: WatchEvent }>(
      "SELECT payload FROM watch.outbox WHERE payload->>'userId' = $1 ORDER BY seq",
      [userId],
    );
    return rows.map((row) => row.payload);
  }

  async count(table: 'disclosures' | 'refusals' | 'holds' | 'outbox'): Promise<number> {
    const { rows } = await this.monitor.query<{ count: number }>(`SELECT count(*)::integer AS count FROM watch.${table}`);
    return rows[0]?.count ?? 0;
  }
}

export function contactLimit(max: number, change: Partial<Limit> = {}): Limit {
  return { measure: 'contact.opened', window: 'hour', max, action: 'deactivate', scope: { everyone: true }, ...change };
}
