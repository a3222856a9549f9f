import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import {
  admitEachStatement,
  FIRST_SECURITY_SETTINGS,
  inOrder,
  type Asking as FullAsking,
  type Limit,
  type PlacedAnswer,
  type SecuritySettings,
  type WatchEvent,
} from '#contracts';
import { Batches } from '#platform';
import { testDatabase, testPool, type TestDatabase } from '#testing';

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

/** Each with a transaction of its own, or with whoever asks at the same time. */
export type Way = 'alone' | 'together';
export const WAYS: readonly Way[] = ['alone', 'together'];

/** A database with the gate, asked as the gateway asks it, with people and settings as core writes them. */
export class GateDatabase {
  way: Way = 'alone';
  #batches = this.batches();

  private constructor(
    readonly database: TestDatabase,
    readonly core: pg.Pool,
    readonly gateway: pg.Pool,
    readonly monitor: pg.Pool,
    /** For what no service may do: what was shown is changed behind the gate. */
    readonly superuser: pg.Pool,
  ) {}

  static async open(connections = 4): Promise<GateDatabase> {
    const database = await testDatabase();
    return new GateDatabase(
      database,
      testPool(database.coreUrl, 2),
      testPool(database.gatewayUrl, connections),
      testPool(database.monitorUrl, 4),
      testPool(database.superuserUrl, 1),
    );
  }

  async close(): Promise<void> {
    await Promise.all([this.core.end(), this.gateway.end(), this.monitor.end(), this.superuser.end()]);
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

  /** Asks the way that is set; a given client's transaction holds one request. */
  async admit(asking: Asking, client?: pg.Pool | pg.PoolClient): Promise<Admission> {
    const asked = completed(asking);
    if (this.way === 'alone') return this.#admitAlone(asked, client ?? this.gateway);
    if (client === undefined) return this.#batches.ask(asked);
    return (await this.admitEach([asked], client))[0] ?? this.#admitAlone(asked, client);
  }

  /** A gateway of its own. Who is by himself is a batch of one, so that nobody gets past `watch.admit_each`. */
  batches(): Batches<FullAsking, Admission> {
    return new Batches<FullAsking, Admission>({
      alone: async (asked) => (await this.admitEach([asked]))[0] ?? this.#admitAlone(asked, this.gateway),
      together: (asked) => this.admitEach(asked),
    });
  }

  /** One statement for all; undefined where the gate left one undecided. */
  async admitEach(
    askings: readonly Asking[],
    client: pg.Pool | pg.PoolClient = this.gateway,
  ): Promise<(Admission | undefined)[]> {
    const asked = askings.map(completed);
    const { values } = admitEachStatement(asked);
    const { rows } = await client.query<PlacedAnswer & Admission>({
      name: 'admit each',
      text: `SELECT gate.*, array_to_string(gate.places, ',') AS places, array_to_string(gate.requests, ',') AS requests
             FROM watch.admit_each($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS gate`,
      values: [...values],
    });
    return inOrder(asked, rows).map((row) => {
      if (row === undefined) return undefined;
      const { decision, measure, window, action, max, count, refused_at } = row;
      return { decision, measure, window, action, max, count, refused_at };
    });
  }

  async #admitAlone(asked: FullAsking, client: pg.Pool | pg.PoolClient): Promise<Admission> {
    const { viewer, measure, kind, subjectType, subjects, request, masked } = asked;
    const { rows } = await client.query<Admission>({
      name: 'admit',
      text: 'SELECT * FROM watch.admit($1, $2, $3, $4, $5::uuid[], $6, $7, $8, $9, $10)',
      values: [viewer, measure, kind, subjectType, subjects, request, null, null, null, masked],
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

/** What a test does not name is an opening of a contact that nobody has opened. */
function completed(asking: Asking): FullAsking {
  const { viewer, measure = 'contact.opened', kind = 'card', subjects = [randomUUID()], request = randomUUID() } = asking;
  return {
    ...{ viewer, measure: measure as FullAsking['measure'], kind: kind as FullAsking['kind'], subjectType: 'contact', subjects },
    ...{ request, session: null, token: null, ip: null, masked: true },
  };
}

export function contactLimit(max: number, change: Partial<Limit> = {}): Limit {
  return { measure: 'contact.opened', window: 'hour', max, action: 'deactivate', scope: { everyone: true }, ...change };
}
