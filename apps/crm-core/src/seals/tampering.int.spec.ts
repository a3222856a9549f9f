import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventHash } from './event-hash.js';
import { lineOf, parseLine, type OutsideHead } from './heads-file.js';
import { headOf, NO_HEAD, rootOf } from './seal.js';
import { outsideOf } from './seal-store.js';
import { SealedLog, type LoggedRow } from './sealed-log.fixture.js';
import { headSigner, type HeadSigner } from './signing-key.js';

const SEALS = 4;
const EVENTS = SEALS * 12;

let log: SealedLog;
let events: LoggedRow[];
beforeEach(async () => {
  log = await SealedLog.make();
  await log.fill(SEALS);
  events = await log.events();
  expect(await log.verify()).toMatchObject({ isWhole: true, verified: EVENTS, unsealed: 0 });
});
afterEach(() => log.remove());

const at = (index: number): LoggedRow => events[index] as LoggedRow;
const lines = (): string[] => readFileSync(log.headsPath, 'utf8').trimEnd().split('\n');
const write = (kept: readonly string[]): void => writeFileSync(log.headsPath, kept.map((line) => `${line}\n`).join(''));
const run = (sql: string, values: readonly unknown[] = []) => log.superuser.query(sql, [...values]);
const changeByte = (row: LoggedRow) => run(`UPDATE es.events SET data = jsonb_set(data, '{n}', '999') WHERE id = $1`, [row.id]);

/** Gives each of two events the other's values of these columns, past the unique constraints. */
async function exchange(columns: readonly ('seq' | 'version' | 'tx_id')[], a: LoggedRow, b: LoggedRow): Promise<void> {
  await run('UPDATE es.events SET seq = -seq, version = 1000000 + version WHERE id IN ($1, $2)', [a.id, b.id]);
  for (const [row, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const { seq, version, tx_id } = { ...row, ...Object.fromEntries(columns.map((name) => [name, other[name]])) };
    await run('UPDATE es.events SET seq = $2, version = $3, tx_id = $4::text::xid8 WHERE id = $1', [row.id, seq, version, tx_id]);
  }
}

/**
 * What somebody can do who has the database and not the key: all seals made anew from the events as they are, signatures kept, or made with
 * a key of his own.
 */
async function sealAnew(signer?: HeadSigner): Promise<OutsideHead[]> {
  const { store } = log;
  const all = await store.eventsAfter({ txId: '0', seq: '0' }, 1_000);
  let previousHead: Buffer = NO_HEAD;
  let taken = 0;
  const forged: OutsideHead[] = [];
  for (const seal of await store.after(0, 100)) {
    const batch = all.slice(taken, taken + seal.events);
    taken += batch.length;
    const ids = batch.map(({ id }) => id);
    const hashes = Buffer.concat(batch.map(({ encoding }) => eventHash(encoding)));
    const parts = { ...seal, previousHead, ids, hashes, root: rootOf(ids, hashes) };
    const head = headOf(parts);
    const { signature, keyId } = signer === undefined ? seal : { signature: signer.sign(head), keyId: signer.keyId };
    await run(
      `UPDATE es.seals SET event_ids = $2, event_hashes = $3, root = $4, previous_head = $5, head = $6, signature = $7, key_id = $8
       WHERE number = $1`,
      [...[seal.number, ids, hashes, parts.root, previousHead, head, signature, keyId]],
    );
    forged.push(outsideOf({ ...parts, head, signature, keyId }));
    previousHead = head;
  }
  return forged;
}

describe('the verifier finds and names', () => {
  it('one byte changed in a middle event', async () => {
    await changeByte(at(20));
    const found = await log.verify();
    expect(found).toMatchObject({ isWhole: false, verified: 20, difference: { kind: 'changed', logged: { id: at(20).id } } });
    expect(found.unsealed).toBe(0);
    expect(found.text).toContain(
      `first: event ${at(20).id} (seq ${at(20).seq}, ${at(20).stream} version ${at(20).version}) was changed`,
    );
  });

  it.each([
    ['the version of its shape', `schema_version = 2`],
    ['its type', `type = 'ContactDeleted'`],
    ['who did it', `metadata = jsonb_set(metadata, '{actorId}', 'null')`],
    ['its number', `seq = 1000000`],
    ['its stream', `stream = 'contact-00000000-0000-7000-8000-000000000000'`],
  ])('a change of %s alone', async (_, set) => {
    await run(`UPDATE es.events SET ${set} WHERE id = $1`, [at(33).id]);
    expect(await log.verify()).toMatchObject({ isWhole: false, verified: 33, difference: { sealed: { id: at(33).id } } });
  });

  it.each([0, 20, EVENTS - 1])('an event deleted, the %i. of 48', async (index) => {
    await run('DELETE FROM es.events WHERE id = $1', [at(index).id]);
    const found = await log.verify();
    expect(found).toMatchObject({
      isWhole: false,
      verified: index,
      difference: { kind: 'missing', sealed: { id: at(index).id } },
    });
    expect(found.text).toContain(`event ${at(index).id} of seal`);
  });

  it('an event inserted into a sealed range, with an old number and transaction', async () => {
    const id = randomUUID();
    await run(
      `INSERT INTO es.events SELECT -seq, tx_id, $2, stream, 1000, type, schema_version, data, metadata FROM es.events WHERE id = $1`,
      [at(21).id, id],
    );
    const found = await log.verify();
    expect(found).toMatchObject({ isWhole: false, difference: { kind: 'inserted', logged: { id } } });
    expect(found.text).toContain(`event ${id}`);
  });

  it('two events that have changed places: numbers and versions of one transaction', async () => {
    await exchange(['seq', 'version'], at(20), at(22));
    expect(await log.verify()).toMatchObject({
      isWhole: false,
      verified: 20,
      difference: { kind: 'out-of-order', moved: { id: at(20).id } },
      exchangedWith: { id: at(22).id },
    });
  });

  it('two events that have changed places, of two transactions', async () => {
    const [a, b] = [at(4), events.find(({ stream, version }) => stream === at(4).stream && version === 6) as LoggedRow];
    await exchange(['seq', 'version'], a, b);
    const found = await log.verify();
    expect(found).toMatchObject({ isWhole: false, verified: 4, exchangedWith: { id: b.id } });
    expect(found.text).toContain(
      `event ${a.id} (seq ${b.seq}, ${b.stream} version ${b.version}) has changed places with event ${b.id}`,
    );
  });

  it('two events that have changed places in the order of commits', async () => {
    await exchange(['seq', 'version', 'tx_id'], at(4), at(18));
    expect(await log.verify()).toMatchObject({
      isWhole: false,
      verified: 4,
      difference: { kind: 'out-of-order', logged: { id: at(18).id } },
    });
  });

  it('the end cut off, events and seals', async () => {
    await run('DELETE FROM es.events WHERE tx_id::text = ANY($1)', [events.slice(36).map(({ tx_id }) => tx_id)]);
    await run('DELETE FROM es.seals WHERE number = 4');
    const found = await log.verify();
    expect(found).toMatchObject({ isWhole: false, verified: 36, difference: { kind: 'missing', before: undefined } });
    expect(found.text).toContain('the end is missing: an event of seal 4 and what follows, 12 events in all');
    expect(found.problems).toEqual(['seal 4 is not in the database']);
  });

  it('all later hashes recomputed by somebody without the key, and the event all the same', async () => {
    await changeByte(at(20));
    await sealAnew();
    const found = await log.verify();
    expect(found).toMatchObject({ isWhole: false, verified: 20, difference: { kind: 'changed', logged: { id: at(20).id } } });
    expect(found.problems).toContain('seal 2 of the database is not the one that was signed');
  });

  it('all later hashes recomputed, in the file outside too', async () => {
    await changeByte(at(20));
    write((await sealAnew()).map(lineOf));
    const found = await log.verify();
    expect(found.isWhole).toBe(false);
    expect(found.problems).toContain('line 2 of the file of heads is no head signed by the key');
  });

  it('the whole chain made anew with another key, in the file outside too', async () => {
    await changeByte(at(20));
    const own = await headSigner(join(log.folder, 'forged'));
    const honest = lines();
    write((await sealAnew(own)).map(lineOf));
    const found = await log.verify();
    expect(found.isWhole).toBe(false);
    expect(found.problems).toContain('line 1 of the file of heads is no head signed by the key');
    expect(found.problems).toContain('seal 1 of the database is not signed by the key, and no line outside tells of it');
    // A copy of the file that was kept elsewhere names the event.
    write(honest);
    expect(await log.verify()).toMatchObject({
      isWhole: false,
      verified: 20,
      difference: { kind: 'changed', logged: { id: at(20).id } },
    });
  });

  it('a seal in the middle taken away with all its events', async () => {
    await run('DELETE FROM es.events WHERE id = ANY (SELECT unnest(event_ids) FROM es.seals WHERE number = 2)');
    await run('DELETE FROM es.seals WHERE number = 2');
    const found = await log.verify();
    expect(found).toMatchObject({ isWhole: false, verified: 12, difference: { kind: 'missing', before: { id: at(24).id } } });
    expect(found.problems).toContain('seal 2 is not in the database');
    write(lines().filter((_, index) => index !== 1));
    expect((await log.verify()).problems).toEqual([
      'the file of heads lacks the seals 2 to 2',
      'seal 2 is not in the database',
      'seal 3 does not follow the one before it',
      'seal 3 counts other events than the seals before it have',
    ]);
  });

  it('the table of seals wiped, and an event changed with it', async () => {
    await run('TRUNCATE es.seals');
    const wiped = await log.verify();
    expect(wiped).toMatchObject({ isWhole: false, verified: EVENTS, difference: undefined });
    expect(wiped.problems[0]).toBe('seal 1 is not in the database');
    await changeByte(at(20));
    expect(await log.verify()).toMatchObject({ verified: 20, difference: { kind: 'changed', logged: { id: at(20).id } } });
    await run('DELETE FROM es.events WHERE id = $1', [at(20).id]);
    expect(await log.verify()).toMatchObject({ verified: 20, difference: { kind: 'missing', before: { id: at(21).id } } });
  });

  it.each([
    [1, 'the file of heads lacks the seals 1 to 1'],
    [2, 'the file of heads lacks the seals 2 to 2'],
    [4, 'the file of heads lacks the seals 4 to 4, which the database has'],
  ])('line %i of the file of heads removed', async (number, problem) => {
    write(lines().filter((_, index) => index !== number - 1));
    expect(await log.verify()).toMatchObject({ isWhole: false, verified: EVENTS, difference: undefined, problems: [problem] });
  });

  it('the file of heads gone', async () => {
    write([]);
    expect((await log.verify()).problems).toEqual(['the file of heads lacks the seals 1 to 4, which the database has']);
  });

  it('a line of the file of heads changed', async () => {
    const [first = '', second = '', ...rest] = lines();
    const head = parseLine(second) as OutsideHead;
    write([first, lineOf({ ...head, events: head.events, total: head.total + 1 }), ...rest]);
    expect((await log.verify()).problems).toContain('line 2 of the file of heads is no head signed by the key');
    write([first, lineOf({ ...head, prints: Buffer.alloc(head.prints.length) }), ...rest]);
    expect((await log.verify()).problems).toEqual(['seal 2 has other prints in the file of heads than were signed']);
  });

  it('a seal whose list of events was changed', async () => {
    await run('UPDATE es.seals SET event_ids[1] = event_ids[2] WHERE number = 3');
    expect(await log.verify()).toMatchObject({
      isWhole: false,
      verified: EVENTS,
      problems: ['seal 3 of the database lists other events than were signed'],
    });
  });

  it('everything taken away at once: no head, no proof', async () => {
    await run('TRUNCATE es.seals');
    write([]);
    expect((await log.verify()).problems).toEqual(['there is no head: nothing proves the log']);
  });
});

describe('the verifier', () => {
  it('does not mind a line that came twice, and minds another head of the same number', async () => {
    const [first = ''] = lines();
    write([...lines(), first]);
    expect((await log.verify()).isWhole).toBe(true);
    const other = { ...(parseLine(first) as OutsideHead), sealedAt: '2020-01-01T00:00:00.000Z' };
    const head = headOf(other);
    write([...lines(), lineOf({ ...other, head, signature: log.signer.sign(head) })]);
    expect(await log.verify()).toMatchObject({ isWhole: false, problems: ['seal 1 has two signed heads'] });
  });

  it('says how many newer events are not sealed yet', async () => {
    await log.append(`contact-${randomUUID()}`, 0, 3);
    expect(await log.verify()).toMatchObject({ isWhole: true, verified: EVENTS, unsealed: 3 });
  });

  it('does not mind other transaction ids: a log restored elsewhere is as whole', async () => {
    await run(`UPDATE es.events SET tx_id = '7'`);
    expect(await log.verify()).toMatchObject({ isWhole: true, verified: EVENTS });
  });
});

describe('core itself', () => {
  it.each([
    ['change', `UPDATE es.events SET type = 'x'`],
    ['delete', 'DELETE FROM es.events'],
    ['empty', 'TRUNCATE es.events'],
    ['change a seal of', 'UPDATE es.seals SET total = 1'],
    ['delete a seal of', 'DELETE FROM es.seals'],
  ])('may not %s the log', async (_, sql) => {
    await expect(log.pool.query(sql)).rejects.toMatchObject({ code: '42501' });
  });
});
