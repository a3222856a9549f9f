import { randomUUID } from 'node:crypto';
import { appendFileSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { allSealed, SealedLog } from './sealed-log.fixture.js';
import { SEAL_BATCH, SealingStopped } from './sealer.js';

let log: SealedLog;
beforeEach(async () => {
  log = await SealedLog.make();
  await log.fill(3);
});
afterEach(() => log.remove());
const lines = (path = log.headsPath): string[] => readFileSync(path, 'utf8').split('\n').slice(0, -1);

describe('the sealer', () => {
  it('chains what it seals, and does nothing when there is nothing', async () => {
    const before = lines();
    expect(await log.sealer().step()).toBe(0);
    expect(lines()).toEqual(before);
    expect(await log.verify()).toMatchObject({ isWhole: true, verified: 36, unsealed: 0 });
  });

  it('seals more than a batch in several seals', async () => {
    await log.append(`contact-${randomUUID()}`, 0, SEAL_BATCH + 5);
    await allSealed(log.sealer());
    expect(await log.verify()).toMatchObject({ isWhole: true, verified: 36 + SEAL_BATCH + 5 });
    expect((await log.store.after(3, 9)).map(({ events }) => events)).toEqual([SEAL_BATCH, 5]);
  });

  it('writes the line that a crash after the row left out', async () => {
    const whole = lines();
    writeFileSync(
      log.headsPath,
      whole
        .slice(0, 1)
        .map((line) => `${line}\n`)
        .join(''),
    );
    await log.sealer().step();
    expect(lines()).toEqual(whole);
    expect((await log.verify()).isWhole).toBe(true);
  });

  it('cuts off what a crash left of a line', async () => {
    const whole = lines();
    writeFileSync(
      log.headsPath,
      whole
        .slice(0, 2)
        .map((line) => `${line}\n`)
        .join(''),
    );
    appendFileSync(log.headsPath, (whole[2] ?? '').slice(0, 40));
    await log.sealer().step();
    expect(lines()).toEqual(whole);
  });

  it('of another core with a file of its own brings that file to the same lines', async () => {
    const elsewhere = join(log.folder, 'elsewhere', 'heads.jsonl');
    await log.append(`contact-${randomUUID()}`, 0, 2);
    await allSealed(log.sealer(elsewhere));
    expect(lines(elsewhere).slice(0, 3)).toEqual(lines());
    expect(await log.verify(elsewhere)).toMatchObject({ isWhole: true, verified: 38 });
    // And the first one, when it leads again.
    await log.sealer().step();
    expect(lines()).toEqual(lines(elsewhere));
  });

  it('meets another one at the number of the seal: one wins, the chain stays one', async () => {
    const [one, two] = [log.sealer(), log.sealer()];
    await Promise.all([one.step(), two.step()]);
    for (let round = 0; round < 5; round += 1) {
      await log.append(`contact-${randomUUID()}`, 0, 3);
      const outcomes = await Promise.allSettled([one.step(), two.step()]);
      for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: '23505' });
      await Promise.all([one.restart(), two.restart()]);
    }
    await allSealed(one);
    expect(await log.verify()).toMatchObject({ isWhole: true, verified: 36 + 15, unsealed: 0 });
  });

  it('does not pass a transaction that commits late', async () => {
    const slow = new pg.Client({ connectionString: log.database.coreUrl });
    await slow.connect();
    await slow.query('BEGIN');
    await slow.query('SELECT es.append($1, $2, $3, $4, NULL)', [
      [],
      [`contact-${randomUUID()}`],
      [0],
      JSON.stringify([{ id: randomUUID(), s: 1, k: 1, type: 'Late', v: 1, data: {}, metadata: {} }]),
    ]);
    await log.append(`contact-${randomUUID()}`, 0, 1);
    const sealer = log.sealer();
    expect(await sealer.step()).toBe(0);
    expect(await sealer.isBehind()).toBe(true);
    await slow.query('COMMIT');
    await slow.end();
    await allSealed(sealer);
    expect(await log.verify()).toMatchObject({ isWhole: true, verified: 38, unsealed: 0 });
  });

  it('does not go on when the end of the log was cut off: what is outside knows better', async () => {
    const before = lines();
    await log.superuser.query('DELETE FROM es.seals WHERE number = 3');
    await log.append(`contact-${randomUUID()}`, 0, 1);
    await expect(log.sealer().step()).rejects.toBeInstanceOf(SealingStopped);
    expect(lines()).toEqual(before);
    expect(await log.store.last()).toMatchObject({ number: 2 });
  });

  it('does not go on after a seal that its key did not sign', async () => {
    await log.superuser.query(`UPDATE es.seals SET signature = decode(repeat('00', 64), 'hex') WHERE number = 3`);
    await expect(log.sealer().step()).rejects.toBeInstanceOf(SealingStopped);
  });

  it('keeps the key and the heads from others', () => {
    expect(statSync(join(log.folder, 'keys', 'seal-signing.pem')).mode & 0o777).toBe(0o600);
    expect(statSync(log.headsPath).mode & 0o777).toBe(0o600);
  });

  it('does not copy to the file what was changed in a seal', async () => {
    const whole = lines();
    writeFileSync(log.headsPath, `${whole[0]}\n`);
    await log.superuser.query(
      `UPDATE es.seals SET event_hashes = event_hashes || event_hashes, event_ids = event_ids || event_ids WHERE number = 2`,
    );
    await expect(log.sealer().step()).rejects.toBeInstanceOf(SealingStopped);
    expect(lines()).toEqual(whole.slice(0, 1));
  });

  it('begins a file anew when there is none, from what is signed', async () => {
    const whole = lines();
    rmSync(log.headsPath);
    await log.sealer().step();
    expect(lines()).toEqual(whole);
  });
});
