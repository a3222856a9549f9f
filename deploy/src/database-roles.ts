import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import pg from 'pg';

/** The services that use the database; each has its own role `palisade_<name>`. */
export const DATABASE_ROLES = ['core', 'gateway', 'monitor'] as const;
export type DatabaseRole = (typeof DATABASE_ROLES)[number];
export type RolePasswords = Readonly<Record<DatabaseRole, string>>;

/** The database of an installation. */
const DATABASE = 'palisade';

/** Who owns which schema. A role reaches another's schema only by what the owner's migrations grant. */
const SCHEMA_OWNERS: ReadonlyArray<readonly [schema: string, owner: DatabaseRole]> = [
  ['es', 'core'],
  ['vault', 'core'],
  ['read', 'core'],
  ['rebuild', 'core'],
  ['access', 'gateway'],
  ['watch', 'monitor'],
  ['monitor', 'monitor'],
];

/** Bounds for every session of a service: a stuck one must not hold back readers of the log or wait for ever. */
const ROLE_SETTINGS: ReadonlyArray<readonly [name: string, value: string]> = [
  ['statement_timeout', '30s'],
  ['lock_timeout', '10s'],
  ['idle_in_transaction_session_timeout', '10s'],
  ['transaction_timeout', '60s'],
];

/** What makes large objects; nothing here uses any. */
const LARGE_OBJECTS = ['pg_catalog.lo_create(oid)', 'pg_catalog.lo_creat(integer)', 'pg_catalog.lo_from_bytea(oid, bytea)'];

/** The name of a service's role in the database. */
export function roleName(role: DatabaseRole): string {
  return `palisade_${role}`;
}

/** The same server and database as another role, or another database. */
function withLogin(url: string, user: string, password: string, database?: string): string {
  const target = new URL(url);
  target.username = user;
  target.password = encodeURIComponent(password);
  if (database !== undefined) target.pathname = `/${database}`;
  return target.href;
}

/** The same server and login, another database. */
export function withDatabase(url: string, database: string): string {
  const target = new URL(url);
  target.pathname = `/${database}`;
  return target.href;
}

/**
 * Makes roles, the database and its empty schemas, or brings those that exist to this state. `serverUrl` is a superuser's and
 * names any database that exists. Errors are PostgreSQL's. Answers the URLs of the superuser and of each role in `database`.
 */
export async function setUpDatabase(
  serverUrl: string,
  passwords: RolePasswords,
  database: string = DATABASE,
): Promise<Record<DatabaseRole | 'superuser', string>> {
  await withClient(serverUrl, async (client) => {
    await ensureRoles(client, passwords);
    await ensureDatabase(client, database);
  });
  const superuser = withDatabase(serverUrl, database);
  await withClient(superuser, async (client) => {
    await client.query(schemaStatements(database));
    for (const role of DATABASE_ROLES)
      await client.query(`ALTER ROLE ${roleName(role)} IN DATABASE ${pg.escapeIdentifier(database)} RESET ALL`);
  });
  return { superuser, ...roleUrls(superuser, passwords) };
}

/** Signs in as the superuser and takes the role of a service, which then owns what is made: so migrations run (`definitions-guard.ts`). */
export function migrationUrl(superuserUrl: string, role: DatabaseRole): string {
  const url = new URL(superuserUrl);
  url.searchParams.set('options', `-c role=${roleName(role)}`);
  return url.href;
}

/** One URL per role, in the database that `url` names. */
export function roleUrls(url: string, passwords: RolePasswords): Record<DatabaseRole, string> {
  const login = (role: DatabaseRole): string => withLogin(url, roleName(role), passwords[role]);
  return { core: login('core'), gateway: login('gateway'), monitor: login('monitor') };
}

/** Runs work on one connection and closes it. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  // Without a listener an error of an idle connection ends the process; the failing query reports it.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function ensureRoles(client: pg.Client, passwords: RolePasswords): Promise<void> {
  const { rows } = await client.query<{ rolname: string }>('SELECT rolname FROM pg_roles');
  const existing = new Set(rows.map((row) => row.rolname));
  const attributes = 'LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS';
  const statements = DATABASE_ROLES.flatMap((role) => {
    const name = roleName(role);
    return [
      `${existing.has(name) ? 'ALTER' : 'CREATE'} ROLE ${name} ${attributes} PASSWORD '${scramVerifier(passwords[role])}'`,
      // A role may change its own settings: what a stolen login left, such as commits that do not wait for the disk, ends with a start.
      ...(existing.has(name) ? [`ALTER ROLE ${name} RESET ALL`] : []),
      ...ROLE_SETTINGS.map(([setting, value]) => `ALTER ROLE ${name} SET ${setting} = '${value}'`),
    ];
  });
  await client.query(statements.join(';\n'));
}

async function ensureDatabase(client: pg.Client, database: string): Promise<void> {
  const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
  if (rowCount !== 0) return;
  // One locale everywhere, whatever the server's own is: sorting and case rules are part of what queries answer.
  const locale = `LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'`;
  await client.query(`CREATE DATABASE ${client.escapeIdentifier(database)} TEMPLATE template0 ENCODING 'UTF8' ${locale}`);
}

/** Who may connect. Not part of what a clone of a database copies, so a clone needs it again. */
export function databaseGrants(database: string): string {
  const name = pg.escapeIdentifier(database);
  return `REVOKE ALL ON DATABASE ${name} FROM PUBLIC; GRANT CONNECT ON DATABASE ${name} TO ${DATABASE_ROLES.map(roleName).join(', ')}`;
}

/**
 * Functions are executable by everybody unless said otherwise, and some here run with their owner's rights, so that default is
 * taken away for all three owners: EXECUTE is granted by name only.
 */
function schemaStatements(database: string): string {
  return [
    databaseGrants(database),
    'REVOKE ALL ON SCHEMA public FROM PUBLIC',
    // Bytes in no table, which nobody would look for.
    `REVOKE EXECUTE ON FUNCTION ${LARGE_OBJECTS.join(', ')} FROM PUBLIC`,
    ...DATABASE_ROLES.map(
      (role) => `ALTER DEFAULT PRIVILEGES FOR ROLE ${roleName(role)} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC`,
    ),
    ...SCHEMA_OWNERS.flatMap(([schema, owner]) => [
      `CREATE SCHEMA IF NOT EXISTS ${schema}`,
      `ALTER SCHEMA ${schema} OWNER TO ${roleName(owner)}`,
    ]),
  ].join(';\n');
}

/** RFC 5803 text of a password, so that the password itself is in no statement and no server's log. */
function scramVerifier(password: string): string {
  const iterations = 4096;
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const key = (label: string): Buffer => createHmac('sha256', salted).update(label).digest();
  const stored = createHash('sha256').update(key('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${key('Server Key').toString('base64')}`;
}
