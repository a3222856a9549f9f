import { connect } from '@nats-io/transport-node';
import { join } from 'node:path';
import { writeAtomically } from '../atomic-file.js';
import type { NatsLogin } from '../connections.js';
import { inboxPrefix, NATS_USERS, type NatsUser } from '../nats-permissions.js';
import { natsUsers } from './nats-config.js';

/**
 * Signs in to a broker that exists as each of our users. Where one cannot, the users and rights it must be given are written to
 * `<data dir>/nats/users.conf` and the error says to include that file.
 */
export async function checkExistingBroker(
  url: string,
  users: Readonly<Record<NatsUser, NatsLogin>>,
  dataDir: string,
): Promise<void> {
  const refused: string[] = [];
  for (const user of NATS_USERS) {
    const { password } = users[user];
    const options = { servers: url, user, pass: password, inboxPrefix: inboxPrefix(user), timeout: 5_000, reconnect: false };
    try {
      await (await connect(options)).close();
    } catch (error) {
      refused.push(`${user}: ${error instanceof Error ? error.message : 'no connection'}`);
    }
  }
  if (refused.length === 0) return;
  const file = join(dataDir, 'nats', 'users.conf');
  writeAtomically(file, natsUsers(users), 0o600);
  throw new Error(
    `PALISADE_NATS_URL: the broker refused ${refused.join('; ')}. It needs JetStream, and the users in ${file}: include that file in its configuration, reload it, and start again`,
  );
}
