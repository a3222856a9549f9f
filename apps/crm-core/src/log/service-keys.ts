import type { ClientBase, Pool } from 'pg';
import {
  exportReceiverKeys,
  importReceiverKeys,
  newDataKey,
  newReceiverKeys,
  open,
  seal,
  type KeyWrapper,
  type ReceiverKeys,
} from '#privacy';

/** Keys of core itself, the same for every instance: kept in the vault, wrapped. */
export interface ServiceKeys {
  /** HMAC key of exact lookup. */
  readonly lookup: Buffer;
  /** HMAC key over the bodies of commands, to tell a repeat from a reused key. */
  readonly commandMac: Buffer;
  /** Bodies of commands and leads are sealed to these. */
  readonly receiver: ReceiverKeys;
}

/** Reads the service keys, making those that are missing; of two instances that start at once both get the first one's. */
export async function loadServiceKeys(pool: Pool | ClientBase, wrapper: KeyWrapper): Promise<ServiceKeys> {
  const lookup = await wrappedKey(pool, wrapper, 'service:lookup');
  const commandMac = await wrappedKey(pool, wrapper, 'service:command-mac');
  const sealing = await wrappedKey(pool, wrapper, 'service:receiver');
  const fresh = seal(sealing, JSON.stringify(await exportReceiverKeys(await newReceiverKeys())), 'service:receiver');
  await pool.query('INSERT INTO vault.service_keys (name, sealed) VALUES ($1, $2) ON CONFLICT DO NOTHING', ['receiver', fresh]);
  const stored = await pool.query<{ sealed: string }>('SELECT sealed FROM vault.service_keys WHERE name = $1', ['receiver']);
  const jwk = open(sealing, stored.rows[0]?.sealed ?? '', 'service:receiver');
  return { lookup, commandMac, receiver: await importReceiverKeys(JSON.parse(String(jwk))) };
}

async function wrappedKey(pool: Pool | ClientBase, wrapper: KeyWrapper, owner: string): Promise<Buffer> {
  await pool.query('INSERT INTO vault.keys (owner, wrapped) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
    owner,
    wrapper.wrap(newDataKey(), owner),
  ]);
  const result = await pool.query<{ wrapped: Buffer }>('SELECT wrapped FROM vault.keys WHERE owner = $1', [owner]);
  const row = result.rows[0];
  if (row === undefined) throw new Error('a service key is missing in the vault');
  return wrapper.unwrap(row.wrapped, owner);
}
