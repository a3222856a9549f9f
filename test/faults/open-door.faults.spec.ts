import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { gzipSync } from 'node:zlib';
import { createLogger, readConfig } from '#platform';
import { startSystem, type System, until } from '#testing';
import { configSchema } from '../../apps/lead-ingest/src/config.js';
import { CoreSide, PrivateBroker } from '../../apps/lead-ingest/src/core-side.fixture.js';
import { startLeadIngest, type LeadIngest } from '../../apps/lead-ingest/src/lead-ingest.js';
import { eventually, freshNumber, made, Staff, type Json, type Made } from '../journeys/staff.js';

/** A pair is a lead of somebody known and one of somebody new. INTAKE_PAIRS takes fewer, on a machine with other work. */
const PAIRS = Number(process.env['INTAKE_PAIRS'] ?? 10_000);
/**
 * How far from a half the chance may lie that the slower of two is the known one: five standard errors of the U statistic (Mann and
 * Whitney 1947), 0.02 for 10,000 pairs. A sound system fails once in some million runs.
 */
const MOST_ASYMMETRY = 5 * Math.sqrt((2 * PAIRS + 1) / (12 * PAIRS ** 2));
/** The goal for each service. */
const MOST_RESIDENT_BYTES = 250 * 1024 * 1024;

describe('the spool on a full disk', () => {
  let dir: string;
  let broker: PrivateBroker;
  let core: CoreSide;
  let ingest: LeadIngest;

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'palisade-full-'));
    mount('-t', 'tmpfs', '-o', 'size=8m,mode=0700', 'tmpfs', dir);
    broker = await PrivateBroker.create();
    await broker.start();
    const form = { id: '019aa000-0000-7000-8000-000000000001', key: 'key', name: 'Form', enabled: true, allowedOrigins: [] };
    const rules = {
      requireConsent: false,
      requireSignature: false,
      quarantineAfter: null,
      successUrl: null,
      format: 'palisade',
    } as const;
    core = await CoreSide.create([{ ...form, ...rules }]);
    await core.join(broker);
    ingest = await start();
    await until(async () => (await fetch(`${ingest.url}/health/ready`)).status === 200);
  });
  afterEach(async () => {
    await ingest.stop();
    await core.leave();
    await broker.remove();
    spawnSync('umount', [dir]);
    rmSync(dir, { recursive: true, force: true });
  });

  const start = (): Promise<LeadIngest> => {
    const settings = { PALISADE_NATS_URL: broker.url, PALISADE_NATS_PASSWORD: 'p', PALISADE_PORT: '0', PALISADE_SPOOL_DIR: dir };
    const rates = { PALISADE_FORM_RATE: '1000000', PALISADE_FORM_TOTAL_RATE: '1000000' };
    const logger = createLogger({
      service: 'lead-ingest',
      instance: 'faults',
      level: 'error',
      destination: { write: () => undefined },
    });
    return startLeadIngest(readConfig(configSchema, { ...settings, ...rates }), logger, { resendAfterMs: 1_000 });
  };
  const send = async (bytes: number): Promise<string> => {
    const body = JSON.stringify({ name: 'x', message: 'y'.repeat(bytes) });
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${ingest.url}/v1/forms/key/leads`, { method: 'POST', headers, body });
    const { leadId, code } = (await answer.json()) as { leadId?: string; code?: string };
    if (code === 'spool-full' && answer.headers.get('retry-after') === null) throw new Error('no Retry-After');
    return leadId ?? `${answer.status} ${code}`;
  };

  it('refuses, loses and damages nothing, and takes leads again when there is room, without hands', async () => {
    await core.leave();
    const taken: string[] = [];
    const refusals: string[] = [];
    for (let times = 0; times < 4_000 && refusals.length < 20; times += 1) {
      const outcomes = await Promise.all(Array.from({ length: 4 }, () => send(9_000)));
      for (const outcome of outcomes) (outcome.startsWith('503') ? refusals : taken).push(outcome);
    }
    expect(new Set(refusals)).toEqual(new Set(['503 spool-full']));
    expect(taken.length).toBeGreaterThan(100);
    expect((await fetch(`${ingest.url}/health/ready`)).status).toBe(503);
    // Started anew on the full disk.
    await ingest.stop();
    const database = new DatabaseSync(join(dir, 'spool.db'));
    expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
    database.close();
    ingest = await start();
    await core.join(broker);
    await until(() => ingest.spool.waitingCount === 0, 60_000);
    const arrived = core.arrived.map(({ leadId }) => leadId);
    expect(taken.filter((leadId) => !arrived.includes(leadId))).toEqual([]);
    expect(arrived.filter((leadId) => !taken.includes(leadId))).toEqual([]);
    await until(async () => !(await send(9_000)).startsWith('503'));
  }, 200_000);
});

describe('the open door under load', () => {
  let system: System;
  let url: string;
  const known = freshNumber();

  beforeAll(async () => {
    system = await startSystem({ env: { PALISADE_FORM_RATE: '100000000', PALISADE_FORM_TOTAL_RATE: '100000000' } });
    const staff = await Staff.of(system);
    await made(staff.admin.post('/v1/contacts', { name: 'Known', phones: [{ number: known }] }));
    const form = (await made(staff.admin.post('/v1/forms', { name: 'Site', quarantineAfter: null }))) as Made & { key: string };
    url = `${system.ingestUrl}/v1/forms/${form.key}/leads`;
    await eventually('the form', async () => ((await post({ name: 'first' })).status === 202 ? true : undefined));
  }, 200_000);
  afterAll(() => system?.stop());

  const post = (body: Json | Uint8Array, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: body instanceof Uint8Array ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body),
    });
  const timed = async (phone: string): Promise<{ ms: number; shape: string }> => {
    const began = performance.now();
    const answer = await post({ name: 'A. Person', phone });
    const text = await answer.text();
    const ms = performance.now() - began;
    return { ms, shape: `${answer.status} ${[...answer.headers.keys()].join()} ${text.replace(/[0-9a-f]/g, 'x')}` };
  };
  const residentBytes = (): number => {
    const { pid } = (
      JSON.parse(readFileSync(join(system.dataDir, 'run.json'), 'utf8')) as { service: string; pid: number }[]
    ).find(({ service }) => service === 'lead-ingest') as { pid: number };
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024;
  };

  it(`answers the known and the new alike, in body and time, ${PAIRS} pairs`, async () => {
    const [ofKnown, ofNew]: [number[], number[]] = [[], []];
    const shapes = new Set<string>();
    for (let pair = 0; pair < PAIRS; pair += 1) {
      // In turns and in either order, so that whatever else the machine does falls on both.
      const order = Math.random() < 0.5 ? [known, freshNumber()] : [freshNumber(), known];
      for (const phone of order) {
        const { ms, shape } = await timed(phone);
        (phone === known ? ofKnown : ofNew).push(ms);
        shapes.add(shape);
      }
    }
    expect(shapes.size).toBe(1);
    expect(Math.abs(chanceOfLarger(ofKnown, ofNew) - 0.5)).toBeLessThan(MOST_ASYMMETRY);
    expect(residentBytes()).toBeLessThan(MOST_RESIDENT_BYTES);
  }, 1_200_000);

  it('stays as large as it is under bodies that are big, deep, packed or broken', async () => {
    const bodies: [Uint8Array, Record<string, string>][] = [
      [Buffer.from(`{"message":"${'x'.repeat(65_000)}"}`), {}],
      [Buffer.from('['.repeat(65_000)), {}],
      [Buffer.from('{"a":'.repeat(13_000)), {}],
      [gzipSync(Buffer.alloc(50_000_000)), { 'content-encoding': 'gzip' }],
      [Buffer.alloc(65_000, '&'), { 'content-type': 'application/x-www-form-urlencoded' }],
      [Buffer.from('a[b]=c&'.repeat(9_000)), { 'content-type': 'application/x-www-form-urlencoded' }],
      [Buffer.from('--b\r\n'.repeat(13_000)), { 'content-type': 'multipart/form-data; boundary=b' }],
      [Buffer.alloc(200_000, 'x'), {}],
    ];
    const statuses = new Set<number>();
    const round = async (): Promise<void> => {
      for (const [body, headers] of bodies)
        statuses.add(
          await post(body, headers).then(
            ({ status }) => status,
            () => 0,
          ),
        );
    };
    for (let times = 0; times < 50; times += 1) await round();
    const before = residentBytes();
    for (let times = 0; times < 300; times += 1) await round();
    expect([...statuses].filter((status) => status >= 500)).toEqual([]);
    expect(residentBytes()).toBeLessThan(Math.min(before + 32 * 1024 * 1024, MOST_RESIDENT_BYTES));
  }, 600_000);
});

function mount(...args: string[]): void {
  const { status, stderr } = spawnSync('mount', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`a full disk is made of a small tmpfs, which takes root: ${stderr.trim()}`);
}

/** The chance that one of the first is larger than one of the second, ties halved (the U statistic over all pairs). */
function chanceOfLarger(first: readonly number[], second: readonly number[]): number {
  const all = [...first.map((ms) => ({ ms, isFirst: true })), ...second.map((ms) => ({ ms, isFirst: false }))];
  all.sort((a, b) => a.ms - b.ms);
  let rankSum = 0;
  for (let from = 0; from < all.length;) {
    let to = from;
    while (to < all.length && all[to]?.ms === all[from]?.ms) to += 1;
    const rank = (from + 1 + to) / 2;
    for (const { isFirst } of all.slice(from, to)) if (isFirst) rankSum += rank;
    from = to;
  }
  const u = rankSum - (first.length * (first.length + 1)) / 2;
  return u / (first.length * second.length);
}
