import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { wrappedWith } from '#privacy';
import { keyWrapper, type KeyOrigin } from './key-encryption-key.js';
import { KeyFolder } from './key-folder.js';
import { idsOf, type KeyEncryptionKeys, type KeyRing } from './key-ring.js';

/** Data keys wrapped anew in one statement. */
const BATCH = 1_000;
/** Longer than any transaction of core may last (statement and idle timeouts of 10 s). */
const WRITERS_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 50;

/** Held by the session of the one rotation that runs. */
const ROTATION_LOCK = 'key-rotation';

/**
 * Wraps every data key with a new key-encryption key while everything runs: a fresh one in the key folder, or the one given from
 * outside. Cut short at any point, it is run again and carries on. `client` is a session of its own; it ends with the lock held.
 * Throws an Error that says what to do.
 */
export async function rotateKeys(client: ClientBase, origin: KeyOrigin, say: (line: string) => void): Promise<void> {
  if (!(await becomeRotator(client))) throw new Error('another rotation runs; wait for it to end');
  const alone = (): Promise<void> => requireStillRotator(client);
  const folder = origin.kek === undefined ? new KeyFolder(origin.keyDir) : undefined;
  if (folder !== undefined) {
    const hasBegun = await folder.begin(alone);
    say(hasBegun ? 'a new key-encryption key is in place' : 'a rotation that was cut short goes on');
  }
  const ring = keyWrapper(origin);
  await requireOpenable(client, ring);
  await retireOldKeks(client, ring.keys);
  const count = await rewrapAll(client, ring, (done) => say(`${done} data keys wrapped anew`));
  if (folder !== undefined) await folder.end(alone);
  say(`done: ${count} data keys wrapped anew, all are wrapped by key ${ring.kekId}`);
  if (folder === undefined) say('PALISADE_KEK_PREVIOUS opens nothing any more and can be dropped');
}

/** True when this session now is the one that rotates. */
async function becomeRotator(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ held: boolean }>('SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS held', [
    ROTATION_LOCK,
  ]);
  return rows[0]?.held === true;
}

/** Throws when the session is gone, and with it the lock. */
async function requireStillRotator(client: ClientBase): Promise<void> {
  await client.query('SELECT 1');
}

/**
 * Makes the database refuse further wrappings by any key but the current one, and waits for the transactions that may have made one
 * before. From then on the old wrappings that are there are all there will ever be, whatever a core believes to be current.
 */
export async function retireOldKeks(client: ClientBase, { current, previous }: KeyEncryptionKeys): Promise<void> {
  const [currentId = ''] = idsOf(current);
  const oldIds = [...idsOf(previous ?? current)].filter((id) => id !== currentId);
  await client.query('DELETE FROM vault.retired_keks WHERE id = $1', [currentId]);
  await client.query('INSERT INTO vault.retired_keks (id) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING', [oldIds]);
  const writers = await writersOf(client);
  for (const end = Date.now() + WRITERS_WITHIN_MS; ; await sleep(LOOK_EVERY_MS)) {
    const now = new Set(await writersOf(client));
    if (!writers.some((writer) => now.has(writer))) return;
    if (Date.now() > end)
      throw new Error('a transaction that stored a key does not end; look at pg_stat_activity, then run again');
  }
}

/** Transactions that have written, or are about to write, to the table of keys: they hold its lock until they end. */
async function writersOf(client: ClientBase): Promise<readonly string[]> {
  const { rows } = await client.query<{ virtualtransaction: string }>(
    `SELECT virtualtransaction FROM pg_locks
     WHERE locktype = 'relation' AND relation = 'vault.keys'::regclass AND mode = 'RowExclusiveLock' AND pid <> pg_backend_pid()
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  );
  return rows.map(({ virtualtransaction }) => virtualtransaction);
}

/** Wraps every data key with the current key that is wrapped with another; a key that was destroyed meanwhile stays so. Returns how many. */
export async function rewrapAll(client: ClientBase, ring: KeyRing, onProgress: (done: number) => void): Promise<number> {
  let done = 0;
  for (let after = ''; ;) {
    const { rows } = await client.query<{ owner: string; wrapped: Buffer }>(
      'SELECT owner, wrapped FROM vault.keys WHERE owner > $1 ORDER BY owner LIMIT $2',
      [after, BATCH],
    );
    const old = rows.filter(({ wrapped }) => wrappedWith(wrapped) !== ring.kekId);
    if (old.length > 0) {
      const anew = old.map(({ owner, wrapped }) => ring.wrap(ring.unwrap(wrapped, owner), owner));
      const result = await client.query(
        `UPDATE vault.keys AS k SET wrapped = v.anew
         FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS v(owner, old, anew) WHERE k.owner = v.owner AND k.wrapped = v.old`,
        [old.map(({ owner }) => owner), old.map(({ wrapped }) => wrapped), anew],
      );
      done += result.rowCount ?? 0;
      onProgress(done);
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < BATCH) break;
    after = last.owner;
  }
  await requireNoneOld(client, ring.kekId);
  return done;
}

/** One wrapping of each key-encryption key in use opens. Before anything is retired: what cannot be opened cannot be wrapped anew. */
async function requireOpenable(client: ClientBase, ring: KeyRing): Promise<void> {
  const { rows } = await client.query<{ owner: string; wrapped: Buffer }>(
    'SELECT DISTINCT ON (vault.kek_of(wrapped)) owner, wrapped FROM vault.keys ORDER BY vault.kek_of(wrapped), owner',
  );
  for (const { owner, wrapped } of rows) ring.unwrap(wrapped, owner);
}

async function requireNoneOld(client: ClientBase, currentId: string): Promise<void> {
  const { rows } = await client.query<{ left: number }>(
    'SELECT count(*)::int AS left FROM vault.keys WHERE vault.kek_of(wrapped) <> $1',
    [currentId],
  );
  if (rows[0]?.left !== 0) throw new Error('some data keys are still wrapped with another key; run again');
}
