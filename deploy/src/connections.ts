import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomically } from './atomic-file.js';
import { DATABASE_ROLES, type DatabaseRole } from './database-roles.js';
import { NATS_USERS, type NatsUser } from './nats-permissions.js';

/** `<data dir>/connections.json`: how to reach the servers as each of their users. The shape is a contract (docs of the HTTP API). */
export interface Connections {
  readonly database: Readonly<Record<DatabaseRole | 'superuser', string>>;
  readonly nats: { readonly url: string; readonly users: Readonly<Record<NatsUser, NatsLogin>> };
}

export interface NatsLogin {
  readonly user: NatsUser;
  readonly password: string;
}

/** The generated secrets of one installation; they stay the same from start to start. */
export interface Secrets {
  readonly superuser: string;
  readonly roles: Readonly<Record<DatabaseRole, string>>;
  readonly nats: Readonly<Record<NatsUser, string>>;
}

/** 192 bits, in characters that need no escaping in a URL, a SQL string or a NATS configuration. */
export function newSecret(): string {
  return randomBytes(24).toString('base64url');
}

/** Fresh secrets for everybody. */
export function newSecrets(): Secrets {
  return {
    superuser: newSecret(),
    roles: Object.fromEntries(DATABASE_ROLES.map((role) => [role, newSecret()])) as Record<DatabaseRole, string>,
    nats: Object.fromEntries(NATS_USERS.map((user) => [user, newSecret()])) as Record<NatsUser, string>,
  };
}

/**
 * The secrets of this data directory, made at its first start. They are written before a server learns them, so an interrupted
 * first start does not lock its own servers.
 */
export function loadSecrets(dataDir: string): Secrets {
  const file = join(dataDir, 'secrets.json');
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Secrets;
  const secrets = newSecrets();
  writeAtomically(file, JSON.stringify(secrets, null, 2), 0o600);
  return secrets;
}

/** The broker's users with their passwords. */
export function natsLogins(secrets: Secrets): Record<NatsUser, NatsLogin> {
  return Object.fromEntries(NATS_USERS.map((user) => [user, { user, password: secrets.nats[user] }])) as Record<
    NatsUser,
    NatsLogin
  >;
}

/** Replaces `<data dir>/connections.json` (0600). */
export function writeConnections(dataDir: string, connections: Connections): void {
  writeAtomically(join(dataDir, 'connections.json'), JSON.stringify(connections, null, 2), 0o600);
}
