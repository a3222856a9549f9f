import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import { newReceiverKeys } from '#privacy';
import { FormBook } from '../forms/form-book.js';
import { openSpoolKeys } from './spool.keys.js';
import type { NewLead } from './spool.protocol.js';
import { openSpool, type Spool } from './spool.js';

const FORM = '019aa000-0000-7000-8000-000000000001';
const newLead = (leadId = uuidv7(), bodyMac: Uint8Array | null = null, sealed = 'sealed'.repeat(200)): NewLead => ({
  leadId,
  formId: FORM,
  receivedAt: new Date().toISOString(),
  sealed,
  bodyMac,
  signed: null,
});

describe('the spool', () => {
  let dir: string;
  let open: Spool[];
  const spoolOf = async (maxBytes: number | null = null): Promise<Spool> => {
    const spool = await openSpool({ dir, maxBytes });
    open.push(spool);
    return spool;
  };
  const close = async (spool: Spool): Promise<void> => {
    open = open.filter((other) => other !== spool);
    await spool.close();
  };

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'palisade-spool-'));
    open = [];
  });
  afterEach(async () => {
    for (const spool of open) await spool.close();
    await rm(dir, { recursive: true, force: true });
  });

  it('keeps leads in order of arrival over a restart, and forgets those told', async () => {
    const spool = await spoolOf();
    const leads = Array.from({ length: 500 }, () => newLead());
    expect(await Promise.all(leads.map((lead) => spool.store(lead)))).toEqual(leads.map(() => 'stored'));
    expect(spool.waitingCount).toBe(500);
    await close(spool);

    const again = await spoolOf();
    expect(again.waitingCount).toBe(500);
    const waiting = await again.waiting(0, 1_000);
    expect(waiting.map(({ leadId }) => leadId)).toEqual(leads.map(({ leadId }) => leadId));
    await again.forget(waiting.slice(0, 499).map(({ seq }) => seq));
    expect(again.waitingCount).toBe(1);
    expect((await again.waiting(0, 10)).map(({ leadId }) => leadId)).toEqual([leads.at(-1)?.leadId]);
  });

  it('tells a repeat from a reused key, in one flush, later, and after the lead has gone', async () => {
    const spool = await spoolOf();
    const keys = openSpoolKeys(dir);
    const [leadId, mac, otherMac] = [uuidv7(), keys.macOf(Buffer.from('a')), keys.macOf(Buffer.from('b'))];
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => spool.store(newLead(leadId, mac))));
    expect(outcomes.filter((outcome) => outcome === 'stored')).toHaveLength(1);
    expect(spool.waitingCount).toBe(1);
    await expect(spool.store(newLead(leadId, otherMac))).rejects.toMatchObject({ code: 'idempotency-key-reused' });
    await spool.forget((await spool.waiting(0, 10)).map(({ seq }) => seq));
    await expect(spool.store(newLead(leadId, mac))).resolves.toBe('repeated');
    await expect(spool.store(newLead(leadId, otherMac))).rejects.toMatchObject({ code: 'idempotency-key-reused' });
    expect(spool.waitingCount).toBe(0);
  });

  it('takes a signature for one lead, whatever key it comes under', async () => {
    const spool = await spoolOf();
    const keys = openSpoolKeys(dir);
    const [signature, mac] = [uuidv7(), keys.macOf(Buffer.from('body'))];
    const signedAs = (leadId: string): NewLead => ({
      ...newLead(leadId, mac),
      signed: { id: signature, mac: keys.macOf(Buffer.from(leadId)) },
    });
    const [first, other] = [uuidv7(), uuidv7()];
    await expect(spool.store(signedAs(first))).resolves.toBe('stored');
    await expect(spool.store(signedAs(first))).resolves.toBe('repeated');
    await expect(spool.store(signedAs(other))).rejects.toMatchObject({ code: 'idempotency-key-reused' });
    expect(spool.waitingCount).toBe(1);
  });

  it('drops receipts by age', async () => {
    const spool = await spoolOf();
    const mac = openSpoolKeys(dir).macOf(Buffer.from('a'));
    await spool.store({ ...newLead(uuidv7(), mac), receivedAt: '2026-01-01T00:00:00.000Z' });
    await spool.store(newLead(uuidv7(), mac));
    expect(await spool.expireReceipts('2026-01-02T00:00:00.000Z')).toBe(1);
  });

  it('refuses when full, changes nothing, and takes leads again when there is room', async () => {
    const spool = await spoolOf(256 * 1024);
    let stored = 0;
    for (;;) {
      const refused = await spool.store(newLead()).then(
        () => null,
        (error: unknown) => error,
      );
      if (refused !== null) {
        expect(refused).toMatchObject({ code: 'spool-full' });
        break;
      }
      stored += 1;
    }
    expect(stored).toBeGreaterThan(50);
    await expect(spool.checkWritable()).rejects.toMatchObject({ code: 'spool-full' });
    const waiting = await spool.waiting(0, 1_000);
    expect(waiting).toHaveLength(stored);
    await spool.forget(waiting.slice(0, 40).map(({ seq }) => seq));
    await spool.checkWritable();
    await expect(spool.store(newLead())).resolves.toBe('stored');
    expect(spool.waitingCount).toBe(stored - 39);
  });

  it('refuses a second process, and keeps its files to its owner', async () => {
    await spoolOf();
    openSpoolKeys(dir);
    await expect(openSpool({ dir })).rejects.toMatchObject({ code: 'dependency-unavailable' });
    for (const file of ['spool.db', 'spool.db-wal', 'spool.key', 'spool.reserve']) {
      expect([file, (await stat(join(dir, file))).mode & 0o077]).toEqual([file, 0]);
    }
  });

  it('opens settings with its own key and name only', async () => {
    const keys = openSpoolKeys(dir);
    const sealed = keys.seal('forms', 'the text');
    expect(openSpoolKeys(dir).open('forms', sealed)).toBe('the text');
    expect(keys.open('other', sealed)).toBeNull();
    expect(Buffer.from(sealed).includes('the text')).toBe(false);
  });

  it('has the forms as an ingest of before kept them, with what they did not say', async () => {
    const [spool, keys] = [await spoolOf(), openSpoolKeys(dir)];
    const { publicJwk } = await newReceiverKeys();
    const before = { id: FORM, key: 'k', enabled: true, allowedOrigins: [], requireConsent: false, successUrl: null };
    await spool.save('forms', keys.seal('forms', JSON.stringify({ ok: true, publicJwk, forms: [before] })));
    const book = await FormBook.open(spool, keys);
    const now = { ...before, name: '', requireSignature: false, quarantineAfter: 60, format: 'palisade' };
    expect([book.find('k'), book.secretOf(FORM)]).toEqual([now, null]);
    await book.replace({ ok: true, publicJwk, forms: [{ ...now, requireSignature: true }] }, { [FORM]: 'the secret' });
    const again = await FormBook.open(spool, keys);
    expect([again.find('k').requireSignature, again.secretOf(FORM)]).toEqual([true, 'the secret']);
  });

  it('has every acknowledged lead after kill -9 of the writer', async () => {
    for (let round = 0; round < 5; round += 1) {
      const acknowledged = await writeUntilKilled(dir, 150 + Math.random() * 300);
      const spool = await spoolOf();
      const kept = await allWaiting(spool);
      expect(acknowledged.length).toBeGreaterThan(0);
      expect(kept.size).toBe(spool.waitingCount);
      expect(acknowledged.filter((leadId) => !kept.has(leadId))).toEqual([]);
      await close(spool);
    }
  });
});

/** The ids of all that waits, read in the portions that the spool gives. */
async function allWaiting(spool: Spool): Promise<Set<string>> {
  const ids = new Set<string>();
  for (let afterSeq = 0; ;) {
    const portion = await spool.waiting(afterSeq, 1_000);
    for (const { leadId } of portion) ids.add(leadId);
    const last = portion.at(-1);
    if (last === undefined) return ids;
    afterSeq = last.seq;
  }
}

/** A process that stores batches through the spool's thread and says each lead's id once it is acknowledged. */
const WRITER = `
  import { randomUUID } from 'node:crypto';
  import { Worker } from 'node:worker_threads';
  const [, worker, dir] = process.argv;
  const thread = new Worker(worker, { execArgv: [], workerData: { dir, maxBytes: null, reserveBytes: 0 } });
  let batch = [];
  const next = () => {
    batch = Array.from({ length: 8 }, () => ({ leadId: randomUUID(), formId: 'f', receivedAt: 'now', sealed: 's'.repeat(3000), bodyMac: null, signed: null }));
    thread.postMessage({ id: 1, name: 'store', input: batch });
  };
  thread.on('message', () => { process.stdout.write(batch.map(({ leadId }) => leadId + '\\n').join('')); next(); });
  next();
`;

async function writeUntilKilled(dir: string, ms: number): Promise<string[]> {
  const worker = join(import.meta.dirname, 'spool.worker.ts');
  const args = ['--no-warnings', '--input-type=module', '-e', WRITER, worker, dir];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  await once(child.stdout, 'data');
  await sleep(ms);
  const ended = once(child, 'close');
  child.kill('SIGKILL');
  await ended;
  return said.split('\n').slice(0, -1);
}
