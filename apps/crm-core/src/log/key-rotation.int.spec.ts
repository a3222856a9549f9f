import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { Secret } from '#kernel';
import { localKeyWrapper, newDataKey, newReceiverKeys, wrappedWith } from '#privacy';
import { testDatabase, type TestDatabase } from '#testing';
import { CoreParts, outcomeOf } from '../commands/core-parts.fixture.js';
import { contactAggregate } from '../contacts/contact.aggregate.js';
import { keyWrapper } from './key-encryption-key.js';
import { KeyFolder } from './key-folder.js';
import { KeyRing, type KeyEncryptionKeys } from './key-ring.js';
import { retireOldKeks, rewrapAll, rotateKeys } from './key-rotation.js';

let database: TestDatabase;
let keyDir: string;
let cores: readonly [CoreParts, CoreParts];
let client: pg.Client;
let contacts: string[];

beforeEach(async () => {
  database = await testDatabase();
  keyDir = mkdtempSync(join(tmpdir(), 'palisade-keys-'));
  const shared = { lookup: newDataKey(), commandMac: newDataKey(), receiver: await newReceiverKeys() };
  const core = (instance: string): CoreParts =>
    new CoreParts(database.coreUrl, { ...shared, wrapper: keyWrapper({ keyDir }) }, instance);
  cores = [await core('0').begin(), core('1')];
  cores[1].administratorId = cores[0].administratorId;
  client = await session();
  contacts = await Promise.all(Array.from({ length: 30 }, (_, n) => make(n)));
  // A few as an installation of before wrapped them.
  const old = new KeyFolder(keyDir).read().current;
  const ring = new KeyRing(() => ({ current: old }));
  for (const { owner, wrapped } of (await wrappings()).slice(0, 5)) {
    const anew = localKeyWrapper(old, 'file').wrap(ring.unwrap(wrapped, owner), owner);
    await cores[0].rows('UPDATE vault.keys SET wrapped = $2 WHERE owner = $1', [owner, anew]);
  }
});
afterEach(async () => {
  await client.end();
  await Promise.all(cores.map((core) => core.end()));
  await database.drop();
  rmSync(keyDir, { recursive: true });
});

async function session(): Promise<pg.Client> {
  const made = new pg.Client({ connectionString: database.coreUrl });
  made.on('error', () => undefined);
  await made.connect();
  return made;
}
async function make(n: number): Promise<string> {
  const body = { name: `Name ${'abcdefghij'[n % 10]}`, phones: [{ number: `+7916${String(1_000_000 + n)}` }], note: 'Note' };
  return (await cores[n % 2 === 0 ? 0 : 1].send('CreateContact', body)).id;
}
const wrappings = (): Promise<{ owner: string; wrapped: Buffer }[]> =>
  cores[0].rows<{ owner: string; wrapped: Buffer }>('SELECT owner, wrapped FROM vault.keys ORDER BY owner');
const idsInUse = async (): Promise<Set<string>> => new Set((await wrappings()).map(({ wrapped }) => wrappedWith(wrapped)));
const rotate = (): Promise<void> => rotateKeys(client, { keyDir }, () => undefined);
const kek = (): Buffer => Buffer.from(readFileSync(join(keyDir, 'kek'), 'utf8'), 'base64');
/** Everything that is sealed with data keys, byte for byte. */
const sealedOf = async (ids: readonly string[]): Promise<unknown> => [
  await cores[0].rows(
    `SELECT id, data::text, metadata::text, tx_id::text, seq FROM es.events WHERE stream = ANY($1) ORDER BY stream, version`,
    [ids.map((id) => `contact-${id}`)],
  ),
  await cores[0].rows('SELECT id, sealed FROM vault.points WHERE record_id = ANY($1::uuid[]) ORDER BY id', [ids]),
];

/** Every contact opens with the keys of the folder alone: nothing that a core remembers helps. */
async function expectAllOpen(ids: readonly string[]): Promise<void> {
  const ring = keyWrapper({ keyDir });
  for (const { owner, wrapped } of await wrappings()) expect(ring.unwrap(wrapped, owner)).toHaveLength(32);
  const fresh = new CoreParts(database.coreUrl, {
    ...{ lookup: newDataKey(), commandMac: newDataKey(), receiver: await newReceiverKeys(), wrapper: ring },
  });
  for (const id of ids) {
    const { state } = await fresh.log.load(contactAggregate, id);
    expect(state.phase === 'live' && state.fields.note?.expose()).toMatchObject({ text: 'Note' });
  }
  await fresh.end();
}

/** The rotation is over: one new key, which is not the one given, and nothing of the old one. */
async function expectRotated(old: Buffer): Promise<void> {
  expect(readdirSync(keyDir)).toEqual(['kek']);
  expect(statSync(join(keyDir, 'kek')).mode & 0o777).toBe(0o600);
  expect(kek().equals(old)).toBe(false);
  expect(await idsInUse()).toEqual(new Set([keyWrapper({ keyDir }).kekId]));
  for (const { owner, wrapped } of await wrappings())
    for (const id of [wrappedWith(wrapped), 'file']) expect(() => localKeyWrapper(old, id).unwrap(wrapped, owner)).toThrow();
}

describe('a rotation', () => {
  it('wraps every key anew while two cores write and read, and touches nothing that they sealed', async () => {
    const [old, before] = [kek(), await sealedOf(contacts)];
    const made: string[] = [];
    const strange: string[] = [];
    let isOver = false;
    const writer = async (from: number): Promise<void> => {
      for (let n = from; !isOver; n += 2) {
        const outcome = await outcomeOf(make(n).then((id) => made.push(id)));
        if (outcome !== 'ok') strange.push(outcome);
      }
    };
    const writers = Promise.all([writer(100), writer(101), writer(200), writer(201)]);
    for (let round = 0; round < 3 || made.length < 60; round += 1) {
      const one = await session();
      await rotateKeys(one, { keyDir }, () => undefined);
      await one.end();
    }
    isOver = true;
    await writers;
    expect(strange).toEqual([]);
    // What was made before the last rotation's end is wrapped by its key, and so is what came after.
    await expectRotated(old);
    await expectAllOpen([...contacts, ...made]);
    expect(await sealedOf(contacts)).toEqual(before);
  });

  it('is one at a time', async () => {
    const other = await session();
    try {
      await rotateKeys(other, { keyDir }, () => undefined);
      await expect(rotate()).rejects.toThrow('another rotation');
      expect(readdirSync(keyDir)).toEqual(['kek']);
    } finally {
      await other.end();
    }
  });

  const alone = (): Promise<void> => Promise.resolve();
  const stop = (): Promise<void> => Promise.reject(new Error('killed'));
  /** What was done when the process was killed. */
  const CUTS: readonly (readonly [string, () => Promise<void>])[] = [
    ['before anything', () => new KeyFolder(keyDir).begin(stop).then(() => undefined)],
    [
      'with the previous key put by',
      async () => {
        let asked = 0;
        await new KeyFolder(keyDir).begin(() => (asked++ === 0 ? alone() : stop()));
      },
    ],
    [
      'while a file was written',
      async () => {
        writeFileSync(join(keyDir, `kek.${randomUUID()}.tmp`), 'half');
        await stop();
      },
    ],
    [
      'with the new key in place',
      async () => {
        await new KeyFolder(keyDir).begin(alone);
        await stop();
      },
    ],
    [
      'with the old key retired and some keys wrapped anew',
      async () => {
        await new KeyFolder(keyDir).begin(alone);
        const ring = keyWrapper({ keyDir });
        await retireOldKeks(client, ring.keys);
        for (const { owner, wrapped } of (await wrappings()).filter((_, n) => n % 3 === 0)) {
          const anew = ring.wrap(ring.unwrap(wrapped, owner), owner);
          await cores[0].rows('UPDATE vault.keys SET wrapped = $2 WHERE owner = $1', [owner, anew]);
        }
        await stop();
      },
    ],
    [
      'with every key wrapped anew',
      async () => {
        await new KeyFolder(keyDir).begin(alone);
        const ring = keyWrapper({ keyDir });
        await retireOldKeks(client, ring.keys);
        await rewrapAll(client, ring, () => undefined);
        await stop();
      },
    ],
  ];
  it.each(CUTS)('that was killed %s leaves all readable, and is finished by the next', async (_, cutShort) => {
    const old = kek();
    await expect(cutShort()).rejects.toThrow('killed');
    await expectAllOpen(contacts);
    contacts.push(await make(50), await make(51));
    await expectAllOpen(contacts);
    await rotate();
    await expectRotated(old);
    await expectAllOpen(contacts);
  });
});

describe('a core that slept through a rotation', () => {
  it('is refused by the database with the old key, and goes on with the new one', async () => {
    const before = kek();
    const stale = new KeyRing(() => ({ current: before }));
    await rotate();
    const stored = outcomeOf(
      cores[0].rows('INSERT INTO vault.keys (owner, wrapped) VALUES ($1, $2)', ['x', stale.wrap(newDataKey(), 'x')]),
    );
    expect(await stored).toBe('PA070');
    // This core has read the folder before the rotation, and not since.
    contacts.push(await make(60), await make(61));
    await expectAllOpen(contacts);
  });

  it('finds the key in use also when each look at the folder is followed by another rotation', async () => {
    // What the folder held at its first looks, all retired meanwhile, and then what it holds.
    const seen: KeyEncryptionKeys[] = [];
    for (let rotation = 0; rotation < 3; rotation += 1) {
      seen.push({ current: kek() });
      const one = await session();
      await rotateKeys(one, { keyDir }, () => undefined);
      await one.end();
    }
    const ring = new KeyRing(() => seen.shift() ?? new KeyFolder(keyDir).read());
    const keys = { lookup: newDataKey(), commandMac: newDataKey(), receiver: await newReceiverKeys(), wrapper: ring };
    const late = new CoreParts(database.coreUrl, keys, '2');
    late.administratorId = cores[0].administratorId;
    const { id } = await late.send('CreateContact', { name: 'Late', phones: [], note: 'Note' });
    await late.end();
    expect(seen).toEqual([]);
    await expectAllOpen([...contacts, id]);
  });

  it('is waited for when it is in the middle of an append', async () => {
    const before = kek();
    const sleeper = await session();
    await sleeper.query('BEGIN');
    const wrapped = new KeyRing(() => ({ current: before })).wrap(newDataKey(), 'late');
    await sleeper.query('INSERT INTO vault.keys (owner, wrapped) VALUES ($1, $2)', ['late', wrapped]);
    let isOver = false;
    const rotation = rotate().finally(() => (isOver = true));
    for (const end = Date.now() + 5_000; Date.now() < end && !existsSync(join(keyDir, 'kek.previous')); await sleep(5));
    // New contacts are made all the while.
    contacts.push(await make(70));
    await sleep(300);
    expect(isOver).toBe(false);
    await sleeper.query('COMMIT');
    await rotation;
    await sleeper.end();
    await expectRotated(before);
    await expectAllOpen(contacts);
  });
});

describe('a key from outside', () => {
  it('takes the place of the key file, and of the one before it', async () => {
    const [fileKey, second, third] = [kek(), randomBytes(32), randomBytes(32)];
    const secret = (key: Buffer): Secret<string> => new Secret(key.toString('base64'));
    for (const [previous, next] of [
      [fileKey, second],
      [second, third],
    ] as const) {
      await rotateKeys(client, { kek: secret(next), kekPrevious: secret(previous), keyDir }, () => undefined);
      await client.end();
      client = await session();
      expect(await idsInUse()).toEqual(new Set([keyWrapper({ kek: secret(next), keyDir }).kekId]));
      const ring = keyWrapper({ kek: secret(next), keyDir });
      for (const { owner, wrapped } of await wrappings()) expect(ring.unwrap(wrapped, owner)).toHaveLength(32);
    }
  });

  it('changes nothing when the one before is missing', async () => {
    const before = await wrappings();
    const kekOutside = new Secret(randomBytes(32).toString('base64'));
    await expect(rotateKeys(client, { kek: kekOutside, keyDir }, () => undefined)).rejects.toThrow('opens the data key');
    expect(await wrappings()).toEqual(before);
    expect(await cores[0].rows('SELECT id FROM vault.retired_keks')).toEqual([]);
  });
});
