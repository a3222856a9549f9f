import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import { isolatedBroker, testDatabase, type IsolatedBroker, type TestDatabase } from '#testing';
import { GatewayFixture, type Person } from '../../test/gateway-fixture.js';
import type { Gateway } from '../gateway.js';
import type { ExportedRow } from './export-columns.js';
import { ExportKeys, openPart } from './export-keys.js';
import { ExportWork, PART_ROWS, type Claim } from './export-work.js';

const ROWS = 2 * PART_ROWS + 50;
const NOTHING: readonly string[] = [];

let database: TestDatabase;
let broker: IsolatedBroker;
let fixture: GatewayFixture;
let gateway: Gateway;
let work: ExportWork;
const keys = new ExportKeys(randomBytes(32));

beforeAll(async () => {
  database = await testDatabase();
  broker = await isolatedBroker();
  fixture = await GatewayFixture.start({ database, broker });
  gateway = await fixture.gateway({ PALISADE_EXPORT_MOST_ROWS: String(ROWS) });
  work = new ExportWork(gateway.parts.database, gateway.parts.authorizations, keys);
});
afterAll(async () => {
  await fixture.stop();
  await Promise.all([broker.remove(), database.drop()]);
});

const until = async <T>(what: string, ask: () => Promise<T | undefined>): Promise<T> => {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    const found = await ask();
    if (found !== undefined) return found;
    await sleep(10);
  }
  throw new Error(`${what}: not within 5 s`);
};

/** A person with one role, and that role. */
async function personWith(contact: Readonly<Record<string, string>>): Promise<Person & { readonly roleId: string }> {
  const person = await fixture.person();
  const roleId = uuidv7();
  await fixture.core.query(`INSERT INTO read.roles (id, name, grants, version) VALUES ($1, $2, $3, 1)`, [
    roleId,
    `Role ${roleId}`,
    JSON.stringify({ contact }),
  ]);
  await fixture.core.query(`UPDATE read.principals SET role_ids = ARRAY[$2::uuid] WHERE user_id = $1`, [person.id, roleId]);
  await fixture.rightsChanged();
  return { ...person, roleId };
}

async function grant(roleId: string, contact: Readonly<Record<string, string>>): Promise<void> {
  await fixture.core.query(`UPDATE read.roles SET grants = $2 WHERE id = $1`, [roleId, JSON.stringify({ contact })]);
  await fixture.rightsChanged();
}

/** Contacts of one person, in the order in which they are exported. */
async function contactsOf(person: Person, count: number, note = ''): Promise<string[]> {
  const { rows } = await fixture.core.query<{ id: string }>(
    `INSERT INTO read.contacts (id, name, note, search, responsible_id, created_at, updated_at, version)
     SELECT uuidv7(), 'Anna', $3, '', $1, now(), now(), 1 FROM generate_series(1, $2) RETURNING id`,
    [person.id, count, note],
  );
  return rows.map(({ id }) => id);
}

/** An export as it stands when a gateway has just taken it up; the gateway of the test leaves it to the test. */
async function takenUp(person: Person, ids: readonly string[]): Promise<Claim> {
  const exportId = uuidv7();
  await fixture.own.query(
    `INSERT INTO access.exports
       (id, user_id, epoch, record_type, format, of_deleted, request_hmac, state, row_ids, rows, wrapped_key, claims, lease_until)
     VALUES ($1, $2, 0, 'contact', 'csv', false, '', 'running', $3, $4, $5, 1, 'infinity')`,
    [exportId, person.id, ids, ids.length, keys.newKey(exportId).wrapped],
  );
  return { exportId, claims: 1 };
}

interface Standing {
  readonly state: string;
  readonly done: number;
  readonly wrapped_key: Buffer | null;
}
async function standing({ exportId }: Claim): Promise<Standing> {
  const { rows } = await fixture.own.query<Standing>('SELECT state, done, wrapped_key FROM access.exports WHERE id = $1', [
    exportId,
  ]);
  return rows[0] as Standing;
}

/** The ids that a part holds. */
async function written(claim: Claim, firstRow: number): Promise<readonly string[]> {
  const { rows } = await fixture.own.query<{ sealed: string }>(
    'SELECT sealed FROM access.export_parts WHERE export_id = $1 AND first_row = $2',
    [claim.exportId, firstRow],
  );
  const key = (await standing(claim)).wrapped_key as Buffer;
  const opened = openPart(keys.unwrap(claim.exportId, key), claim.exportId, firstRow, rows[0]?.sealed ?? '');
  return (opened as readonly ExportedRow[]).map(({ id }) => id);
}

async function parts({ exportId }: Claim): Promise<number> {
  const { rows } = await fixture.own.query('SELECT FROM access.export_parts WHERE export_id = $1', [exportId]);
  return rows.length;
}

describe('in the middle of an export', () => {
  it('rights are read anew at each part, and what is out of reach is left out', async () => {
    const person = await personWith({ view: 'allowed', export: 'allowed' });
    const [own, others] = [await contactsOf(person, 100), await contactsOf(await fixture.person(), ROWS - 100)];
    // Every other row of the beginning is his own, so each part has some of others.
    const ids = [...own.flatMap((id, index) => [id, others[index] as string]), ...others.slice(100)];
    ids.splice(PART_ROWS + 10, 0, ...ids.splice(0, 10));
    const claim = await takenUp(person, ids);
    expect(await work.doPart(claim)).toBe('more');
    expect(await written(claim, 0)).toEqual(ids.slice(0, PART_ROWS));

    await grant(person.roleId, { view: 'allowed', export: 'responsible' });
    expect(await work.doPart(claim)).toBe('more');
    const second = ids.slice(PART_ROWS, 2 * PART_ROWS);
    expect(await written(claim, PART_ROWS)).toEqual(second.filter((id) => own.includes(id)));
    expect(second.filter((id) => own.includes(id)).length).toBeGreaterThan(0);

    await grant(person.roleId, { view: 'forbidden', export: 'allowed' });
    expect(await work.doPart(claim)).toBe('over');
    expect(await written(claim, 2 * PART_ROWS)).toEqual([]);
    expect(await standing(claim)).toMatchObject({ state: 'done', done: ROWS });
  });

  it('a record that was deleted, or went to somebody else, is left out', async () => {
    const person = await personWith({ view: 'responsible', export: 'responsible' });
    const ids = await contactsOf(person, PART_ROWS + 3);
    const claim = await takenUp(person, ids);
    expect(await work.doPart(claim)).toBe('more');
    const [deleted, assigned, left] = ids.slice(PART_ROWS);
    await fixture.core.query('UPDATE read.contacts SET deleted_at = now() WHERE id = $1', [deleted]);
    await fixture.core.query('UPDATE read.contacts SET responsible_id = NULL WHERE id = $1', [assigned]);
    expect(await work.doPart(claim)).toBe('over');
    expect(await written(claim, PART_ROWS)).toEqual([left]);
  });

  const goes: Readonly<Record<string, (person: Person) => Promise<void>>> = {
    held: (person) => fixture.hold(person),
    deactivated: (person) => fixture.standing(person, { status: 'deactivated' }),
    'active anew': (person) => fixture.standing(person, { epoch: 1 }),
  };
  it.each(Object.entries(goes))('a person who is %s gets no further part', async (_how, go) => {
    const person = await personWith({ view: 'allowed', export: 'allowed' });
    const claim = await takenUp(person, await contactsOf(person, PART_ROWS + 1));
    expect(await work.doPart(claim)).toBe('more');
    await go(person);
    expect(await work.doPart(claim)).toBe('over');
    expect(await standing(claim)).toMatchObject({ state: 'cancelled', wrapped_key: null });
  });

  it.each(Object.entries(goes))('a person who is %s: cancelled within a second, whoever works at it', async (_how, go) => {
    const person = await personWith({ view: 'allowed', export: 'allowed' });
    const ids = await contactsOf(person, PART_ROWS + 1);
    const [running, finished] = [await takenUp(person, ids), await takenUp(person, ids.slice(0, 1))];
    expect([await work.doPart(running), await work.doPart(finished)]).toEqual(['more', 'over']);
    await go(person);
    const from = performance.now();
    for (const claim of [running, finished]) {
      await until('cancelled', async () => ((await standing(claim)).state === 'cancelled' ? true : undefined));
    }
    expect(performance.now() - from).toBeLessThan(1_000);
    for (const claim of [running, finished]) {
      await until('its parts are gone', async () => ((await parts(claim)) === 0 ? true : undefined));
      expect((await standing(claim)).wrapped_key).toBeNull();
    }
  });

  it('a gateway that another one has taken over from writes nothing more', async () => {
    const person = await personWith({ view: 'allowed', export: 'allowed' });
    const claim = await takenUp(person, await contactsOf(person, PART_ROWS + 1));
    expect(await work.doPart(claim)).toBe('more');
    await fixture.own.query('UPDATE access.exports SET claims = 2 WHERE id = $1', [claim.exportId]);
    expect(await work.doPart(claim)).toBe('over');
    expect([await parts(claim), (await standing(claim)).state]).toEqual([1, 'running']);
    expect(await work.doPart({ ...claim, claims: 2 })).toBe('over');
    expect([await parts(claim), (await standing(claim)).state]).toEqual([2, 'done']);
  });
});

describe('an export whose gateway died', () => {
  const asked = async (person: Person, token: string): Promise<string> => {
    const answer = await fixture.call('POST', '/v1/exports', { token, body: { type: 'contacts', format: 'csv' } });
    expect([person.id, answer.status]).toEqual([person.id, 202]);
    return String(answer.body['exportId']);
  };
  const stateOf = (exportId: string, wanted: string) =>
    until(`it is ${wanted}`, async () => ((await standing({ exportId, claims: 0 })).state === wanted ? true : undefined));

  it('is gone on with by another one, and failed when that never ends', async () => {
    const person = await personWith({ view: 'responsible', export: 'responsible' });
    await contactsOf(person, 3);
    const token = await fixture.signIn(person);
    const exportId = await asked(person, token);
    await stateOf(exportId, 'done');
    const died = `UPDATE access.exports SET state = 'running', finished_at = NULL, lease_until = now(), claims = $2 WHERE id = $1`;
    await fixture.own.query(died, [exportId, 1]);
    await stateOf(exportId, 'done');
    const file = await fixture.call('GET', `/v1/exports/${exportId}/file`, { token });
    expect(file.status).toBe(200);

    await fixture.own.query(died, [exportId, 5]);
    await stateOf(exportId, 'failed');
    expect((await fixture.call('GET', `/v1/exports/${exportId}/file`, { token })).body['code']).toBe('not-found');
    const { rows } = await fixture.own.query<{ counted: number }>(
      `SELECT count(*)::int AS counted FROM access.audit WHERE type = 'export.requested' AND actor_id = $1`,
      [person.id],
    );
    expect(rows[0]?.counted).toBe(1);
  });
});

describe('asking for an export', () => {
  it('of more rows than there may be is refused, and counts none', async () => {
    const person = await personWith({ view: 'responsible', export: 'responsible' });
    await contactsOf(person, ROWS + 1);
    const token = await fixture.signIn(person);
    const answer = await fixture.call('POST', '/v1/exports', { token, body: { type: 'contacts', format: 'csv' } });
    expect([answer.status, answer.body['code']]).toEqual([422, 'export-too-large']);
    const { rows } = await fixture.monitor.query('SELECT FROM watch.disclosures WHERE user_id = $1', [person.id]);
    expect(rows).toEqual(NOTHING);
  });

  it('passes the gate in one disclosure with every id; of twenty files that are kept none is made room for', async () => {
    const person = await personWith({ view: 'responsible', export: 'responsible' });
    const ids = await contactsOf(person, 5);
    const token = await fixture.signIn(person);
    const ask = () => fixture.call('POST', '/v1/exports', { token, body: { type: 'contacts', format: 'csv' } });
    expect((await ask()).status).toBe(202);
    const { rows } = await fixture.monitor.query<{ subject_ids: string[] }>(
      `SELECT subject_ids FROM watch.disclosures WHERE user_id = $1 AND measure = 'record.exported' AND kind = 'export'`,
      [person.id],
    );
    expect(rows.map((row) => [...row.subject_ids].sort())).toEqual([[...ids].sort()]);
    for (let index = 1; index < 20; index += 1) expect((await ask()).status).toBe(202);
    const last = await ask();
    expect([last.status, last.body['code']]).toEqual([409, 'capacity-reached']);
  });

  it('twice at once under one key is one export', async () => {
    const person = await personWith({ view: 'responsible', export: 'responsible' });
    await contactsOf(person, 5);
    const token = await fixture.signIn(person);
    const headers = { 'idempotency-key': 'the same' };
    const answers = await Promise.all(
      Array.from({ length: 8 }, () =>
        fixture.call('POST', '/v1/exports', { token, headers, body: { type: 'contacts', format: 'csv' } }),
      ),
    );
    expect(answers.every(({ status }) => status === 202 || status === 409)).toBe(true);
    expect(new Set(answers.flatMap(({ status, body }) => (status === 202 ? [body['exportId']] : []))).size).toBe(1);
    const { rows } = await fixture.monitor.query('SELECT FROM watch.disclosures WHERE user_id = $1', [person.id]);
    expect(rows).toHaveLength(1);
  });
});

describe('a file that is being sent', () => {
  it('breaks off within a second after its person is held', async () => {
    const person = await personWith({ view: 'responsible', export: 'responsible' });
    // 4 MB: far more than what lies in sockets on the way.
    await contactsOf(person, ROWS, 'x'.repeat(10_000));
    const token = await fixture.signIn(person);
    const asked = await fixture.call('POST', '/v1/exports', { token, body: { type: 'contacts', format: 'csv' } });
    const exportId = String(asked.body['exportId']);
    await until('it is done', async () => ((await standing({ exportId, claims: 0 })).state === 'done' ? true : undefined));
    const { port } = new URL(gateway.url);
    const answer = await fetch(`http://127.0.0.1:${port}/v1/exports/${exportId}/file`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(answer.status).toBe(200);
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    await fixture.hold(person);
    // Nothing is taken from the socket meanwhile: what lies in it was sent before.
    await until('nothing is open', () => Promise.resolve(gateway.parts.openStreams.size === 0 ? true : undefined));
    const rest = async (): Promise<void> => {
      for (let read = await reader.read(); !read.done;) read = await reader.read();
    };
    await expect(rest()).rejects.toThrow();
  });
});
