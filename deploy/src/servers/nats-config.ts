import type { NatsLogin } from '../connections.js';
import { NATS_PERMISSIONS, NATS_USERS, type NatsUser } from '../nats-permissions.js';

export interface NatsConfigOptions {
  readonly port: number;
  readonly storeFolder: string;
  readonly users: Readonly<Record<NatsUser, NatsLogin>>;
}

/**
 * A configuration for nats-server 2.9.10 and later: JetStream, loopback only, nobody without a login, and for each user what
 * the table lists and no more.
 */
export function natsConfig(options: NatsConfigOptions): string {
  return `# Written by npm start at every start; changes here are lost.
listen: "127.0.0.1:${options.port}"
max_payload: 1048576
jetstream {
  store_dir: ${JSON.stringify(options.storeFolder)}
  max_memory_store: 67108864
  max_file_store: 8589934592
}
${natsUsers(options.users)}`;
}

/** The users alone: what an existing server must be given for `PALISADE_NATS_URL` to work. */
export function natsUsers(users: Readonly<Record<NatsUser, NatsLogin>>): string {
  return `authorization {\n  users = [\n${NATS_USERS.map((user) => natsUser(users[user])).join('')}  ]\n}\n`;
}

function natsUser({ user, password }: NatsLogin): string {
  const { publish, neverPublish = [], subscribe, repliesWithinSeconds: seconds } = NATS_PERMISSIONS[user];
  const replies = seconds === null ? '' : `\n        allow_responses: { max: 1, expires: "${seconds}s" }`;
  const denied = neverPublish.length === 0 ? '' : `, deny: ${list(neverPublish)}`;
  return `    {
      user: ${JSON.stringify(user)}
      password: ${JSON.stringify(password)}
      permissions {
        publish { allow: ${list(publish)}${denied} }
        subscribe { allow: ${list(subscribe)} }${replies}
      }
    }
`;
}

function list(subjects: readonly string[]): string {
  return `[\n${subjects.map((subject) => `          ${JSON.stringify(subject)}\n`).join('')}        ]`;
}
