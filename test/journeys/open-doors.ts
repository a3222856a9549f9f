import pg from 'pg';
import { askFrom, listenFrom, type Listening } from './from-address.js';
import { answered, eventually, made, outcomeOf, unique, type Json, type Person, type Staff } from './staff.js';

const HERE = '127.0.0.1';
/** Rows of one part of an export (`PART_ROWS` of the gateway); what is held here is its second part. */
export const PART_ROWS = 200;
const HELD_LOCK = 711_001;

/** What somebody needs who is to have every kind of door. */
export const DOOR_GRANTS = {
  contact: { view: 'allowed', edit: 'allowed', export: 'allowed' },
  company: { view: 'allowed', export: 'allowed' },
  monitoring: { view: 'allowed' },
  apiTokens: { create: 'allowed' },
} as const;

/** One way of showing who one is, at any gateway. */
export interface Way {
  readonly name: string;
  /** Status and code of the answer. */
  ask(gateway: number, method: string, path: string, body?: unknown): Promise<string>;
}

export interface OpenStream extends Listening {
  readonly name: string;
}

/** Everything that one person can have open at once: a session in each of its two forms, an API token, live streams, an export. */
export class OpenDoors {
  private constructor(
    readonly ways: readonly Way[],
    readonly streams: readonly OpenStream[],
    /** Done: its file could be fetched. */
    readonly doneExport: string,
  ) {}

  /** Opens them all, streams of each way at each gateway. */
  static async of(staff: Staff, person: Person): Promise<OpenDoors> {
    const { gatewayUrls } = staff.system;
    const cookie = await cookieOf(gatewayUrls[1] ?? '', person);
    const scopes = ['contacts:read', 'monitoring:read'];
    const { token } = await made(person.client.post('/v1/api-tokens', { name: unique('Token'), scopes }));
    const shown: Readonly<Record<string, { token?: string | undefined; headers: Readonly<Record<string, string>> }>> = {
      session: { token: person.client.token, headers: {} },
      cookie: { headers: { cookie, 'sec-fetch-site': 'same-origin' } },
      token: { token: String(token), headers: {} },
    };
    const ways = Object.entries(shown).map(([name, as]): Way => ({
      name,
      ask: async (gateway, method, path, body) =>
        outcomeOf(await askFrom(HERE, method, (gatewayUrls[gateway] ?? '') + path, { ...as, body })),
    }));
    const streams: OpenStream[] = [];
    for (const [name, as] of Object.entries(shown))
      for (const [gateway, url] of gatewayUrls.entries())
        for (const path of ['/v1/events/stream', gateway === 0 ? '/v1/alerts/stream' : '/v1/monitoring/users/stream']) {
          const stream = await listenFrom(HERE, url + path, as.token, as.headers);
          streams.push({ ...stream, name: `${path} by ${name} at gateway ${gateway}` });
        }
    const { exportId } = await answered(202, person.client.post('/v1/exports', { type: 'companies', format: 'csv' }));
    await eventually('a file', async () => {
      const { state } = await answered(200, person.client.get(`/v1/exports/${String(exportId)}`));
      return state === 'done' ? true : undefined;
    });
    return new OpenDoors(ways, streams, String(exportId));
  }

  close(): void {
    for (const stream of this.streams) stream.close();
  }
}

async function cookieOf(url: string, { email, password }: Person): Promise<string> {
  const signedIn = await askFrom(HERE, 'POST', `${url}/v1/sessions`, { body: { email, password, cookie: true } });
  return (signedIn.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
}

/** Keeps exports in their middle: the second part of each waits in the database until it is let go. */
export class HeldExports {
  private constructor(private readonly database: pg.Client) {}

  static async begin(connectionString: string): Promise<HeldExports> {
    const database = new pg.Client({ connectionString });
    await database.connect();
    await database.query(`SELECT pg_advisory_lock(${HELD_LOCK})`);
    await database.query(`CREATE OR REPLACE FUNCTION public.wait_for_test() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_advisory_xact_lock_shared(${HELD_LOCK}); RETURN NEW; END $$`);
    await database.query(`CREATE TRIGGER wait_for_test BEFORE INSERT ON access.export_parts FOR EACH ROW
      WHEN (NEW.first_row = ${PART_ROWS}) EXECUTE FUNCTION public.wait_for_test()`);
    return new HeldExports(database);
  }

  /** Starts one of all contacts; resolves when its first part is written and its second one waits. */
  async start(person: Person): Promise<string> {
    const { exportId } = await answered(202, person.client.post('/v1/exports', { type: 'contacts', format: 'csv' }));
    await eventually('the middle of an export', async () => {
      const { rows } = await this.database.query<Json>(
        `SELECT FROM access.exports WHERE id = $1 AND state = 'running' AND done = ${PART_ROWS}
         AND EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = ${HELD_LOCK} AND NOT granted)`,
        [exportId],
      );
      return rows[0];
    });
    return String(exportId);
  }

  async letGo(): Promise<void> {
    await this.database.query(`SELECT pg_advisory_unlock(${HELD_LOCK})`);
  }

  async end(): Promise<void> {
    await this.letGo();
    await this.database.query('DROP FUNCTION public.wait_for_test() CASCADE');
    await this.database.end();
  }
}
