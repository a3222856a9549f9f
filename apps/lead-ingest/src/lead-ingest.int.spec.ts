import { readdir, readFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { IntakeForm } from '#contracts';
import { createLogger, readConfig } from '#platform';
import { configSchema } from './config.js';
import { CoreSide, PrivateBroker, until } from './core-side.spec.js';
import { startLeadIngest, type LeadIngest } from './lead-ingest.js';

const PLANTED = '9161234567';
const ORIGIN = 'https://shop.example';
const form = (n: number, settings: Partial<IntakeForm> = {}): IntakeForm => ({
  id: `019aa000-0000-7000-8000-00000000000${n}`,
  key: `key-${n}`,
  enabled: true,
  allowedOrigins: [],
  name: `Form ${n}`,
  requireConsent: false,
  requireSignature: false,
  quarantineAfter: null,
  successUrl: null,
  format: 'palisade',
  ...settings,
});
const FORMS = [
  form(1, { allowedOrigins: [ORIGIN] }),
  form(2, { enabled: false }),
  form(3, { requireConsent: true }),
  form(4, { successUrl: 'https://shop.example/thanks' }),
];
type Headers = Record<string, string>;

describe('lead-ingest', () => {
  let broker: PrivateBroker;
  let core: CoreSide;
  let dir: string;
  let logged: string;
  let ingest: LeadIngest;

  const start = async (env: Record<string, string> = {}): Promise<LeadIngest> => {
    const settings = {
      PALISADE_NATS_URL: broker.url,
      PALISADE_NATS_PASSWORD: 'p',
      PALISADE_PORT: '0',
      PALISADE_SPOOL_DIR: dir,
      ...env,
    };
    const destination = { write: (line: string) => void (logged += line) };
    const logger = createLogger({ service: 'lead-ingest', instance: 'spec', level: 'debug', destination });
    return startLeadIngest(readConfig(configSchema, settings), logger, { resendAfterMs: 1_000 });
  };
  const send = (body: unknown, headers: Headers = {}, key = 'key-1'): Promise<Response> =>
    fetch(`${ingest.url}/v1/forms/${key}/leads`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
      redirect: 'manual',
    });
  const codeOf = async (response: Promise<Response>): Promise<string> => {
    const answer = await response;
    return `${answer.status} ${((await answer.json()) as { code: string }).code}`;
  };
  const isReady = async (): Promise<boolean> => (await fetch(`${ingest.url}/health/ready`)).status === 200;

  beforeEach(async () => {
    logged = '';
    dir = await mkdtemp(join(tmpdir(), 'palisade-ingest-'));
    broker = await PrivateBroker.create();
    await broker.start();
    core = await CoreSide.create(FORMS);
    await core.join(broker);
    ingest = await start();
    await until(isReady);
  });
  afterEach(async () => {
    await ingest.stop();
    await core.leave();
    await broker.remove();
    await rm(dir, { recursive: true, force: true });
  });

  it('brings a lead to core, sealed, once, and forgets it when core has it', async () => {
    const attribution = { utm_source: 'yandex' };
    const answer = await send({ name: 'A. Person', phone: `8${PLANTED}`, attribution });
    expect(answer.status).toBe(202);
    const { leadId } = (await answer.json()) as { leadId: string };
    await until(() => core.arrived.length > 0 && ingest.spool.waitingCount === 0);
    const [received] = core.arrived;
    expect(received).toMatchObject({ leadId, formId: FORMS[0]?.id });
    expect(await core.open(received as never)).toEqual({ name: 'A. Person', phone: `8${PLANTED}`, attribution, ip: '127.0.0.1' });
    expect(core.arrived).toHaveLength(1);
  });

  it('leaves nothing readable on disk, on the broker or in the log', async () => {
    core.commits = false;
    await send({ name: 'A. Person', phone: PLANTED }, { 'idempotency-key': 'k' });
    await send(`{"phone": "${PLANTED}", `);
    await send({ phone: [PLANTED], [PLANTED]: PLANTED });
    await until(() => core.arrived.length === 1);
    const files = (await readdir(dir)).filter((file) => file !== 'spool.reserve');
    const contents = await Promise.all(files.map((file) => readFile(join(dir, file), 'latin1')));
    for (const text of [...contents, logged, JSON.stringify(core.arrived)]) {
      expect([text.includes(PLANTED), text.includes('shop.example'), text.includes('Person')]).toEqual([false, false, false]);
    }
  });

  it('answers a repeat with the same lead, and another body under its key with a refusal', async () => {
    const keyed = { 'idempotency-key': 'k-1' };
    const answers = await Promise.all(Array.from({ length: 50 }, () => send({ name: 'x' }, keyed)));
    const ids = await Promise.all(answers.map(async (answer) => ((await answer.json()) as { leadId: string }).leadId));
    expect(new Set(ids).size).toBe(1);
    expect(await codeOf(send({ name: 'y' }, keyed))).toBe('422 idempotency-key-reused');
    const viaField = (await (await send({ name: 'z', submissionId: 'k-2' })).json()) as object;
    expect(await (await send({ name: 'z', submissionId: 'k-2' })).json()).toEqual(viaField);
    expect((await send({ name: 'x' }, keyed, 'key-4')).status).toBe(202);
    await until(() => ingest.spool.waitingCount === 0);
    expect(core.arrived).toHaveLength(3);
  });

  it('refuses what is no lead, and stores nothing of it', async () => {
    const big = JSON.stringify({ message: 'x'.repeat(70_000) });
    const asText = { 'content-type': 'text/plain' };
    expect(await codeOf(send({ name: 'x' }, {}, 'no-such'))).toBe('404 unknown-form');
    expect(await codeOf(send({ name: 'x' }, {}, 'key-2'))).toBe('404 unknown-form');
    expect(await codeOf(send({ name: 'x' }, {}, 'key-3'))).toBe('422 consent-required');
    expect(await codeOf(send('{"name": ', {}))).toBe('400 malformed-body');
    expect(await codeOf(send('', {}))).toBe('400 malformed-body');
    expect(await codeOf(send(new Uint8Array([0x22, 0xff, 0x22])))).toBe('400 malformed-body');
    expect(await codeOf(send('['.repeat(60_000)))).toBe('400 malformed-body');
    expect(await codeOf(send('null'))).toBe('422 validation-failed');
    expect(await codeOf(send({ company: 'x' }))).toBe('422 validation-failed');
    expect(await codeOf(send({ name: 'x' }, asText))).toBe('415 unsupported-media-type');
    expect(await codeOf(send(gzipSync('{"name":"x"}'), { 'content-encoding': 'gzip' }))).toBe('415 unsupported-media-type');
    expect(await codeOf(send(big))).toBe('413 body-too-large');
    expect(await codeOf(send(big, {}, 'no-such'))).toBe('404 unknown-form');
    expect(await codeOf(send({ name: 'x' }, { 'idempotency-key': 'k'.repeat(256) }))).toBe('422 validation-failed');
    const get = await fetch(`${ingest.url}/v1/forms/key-1/leads`);
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'OPTIONS, POST']);
    expect(ingest.spool.waitingCount).toBe(0);
  });

  it('lets the pages of the form send, and no others', async () => {
    const allowed = await send({ name: 'x' }, { origin: ORIGIN });
    expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([202, ORIGIN]);
    const broken = await send('{', { origin: ORIGIN });
    expect([broken.status, broken.headers.get('access-control-allow-origin')]).toEqual([400, ORIGIN]);
    const large = await send(JSON.stringify({ message: 'x'.repeat(70_000) }), { origin: ORIGIN });
    expect([large.status, large.headers.get('access-control-allow-origin')]).toEqual([413, ORIGIN]);
    for (const origin of ['https://evil.example', 'null']) {
      const refused = await send({ name: 'x' }, { origin });
      expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([403, null]);
      expect(((await refused.json()) as { code: string }).code).toBe('origin-not-allowed');
    }
    const ask = (origin: string): Promise<Response> =>
      fetch(`${ingest.url}/v1/forms/key-1/leads`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST' },
      });
    const preflight = await ask(ORIGIN);
    expect([preflight.status, preflight.headers.get('access-control-allow-headers')]).toEqual([
      204,
      'Content-Type, Idempotency-Key',
    ]);
    expect([(await ask('https://evil.example')).status, (await ask(ingest.url)).status]).toEqual([403, 204]);
  });

  it('sends a page on to where its form says', async () => {
    const answer = await send({ name: 'x' }, { accept: 'text/html,*/*' }, 'key-4');
    expect([answer.status, answer.headers.get('location')]).toEqual([303, 'https://shop.example/thanks']);
    expect((await send({ name: 'x' }, { accept: 'text/html' })).status).toBe(202);
  });

  it('bounds the rate of an address and of a form', async () => {
    await ingest.stop();
    const env = { PALISADE_FORM_RATE: '2', PALISADE_FORM_TOTAL_RATE: '3', PALISADE_TRUSTED_PROXIES: '127.0.0.1' };
    ingest = await start(env);
    const from = (address: string): Promise<Response> => send({ name: 'x' }, { 'x-forwarded-for': address });
    expect([(await from('192.0.2.1')).status, (await from('192.0.2.1')).status]).toEqual([202, 202]);
    const refused = await from('192.0.2.1');
    expect([refused.status, Number(refused.headers.get('retry-after')) >= 1]).toEqual([429, true]);
    expect((await from('192.0.2.2')).status).toBe(202);
    expect(await codeOf(from('192.0.2.3'))).toBe('429 rate-exceeded');
  });

  it('has a changed form in force within a second', async () => {
    core.forms = [form(1, { enabled: false }), form(5)];
    await core.tellChanged();
    await until(async () => (await send({ name: 'x' }, {}, 'key-5')).status === 202, 1_000);
    expect(await codeOf(send({ name: 'x' }))).toBe('404 unknown-form');
  });

  it('takes leads while broker and core are away, from its start on, and delivers them in order afterwards', async () => {
    await ingest.stop();
    await core.leave();
    await broker.kill();
    ingest = await start();
    expect(await isReady()).toBe(true);
    const ids: string[] = [];
    for (let n = 0; n < 30; n += 1) ids.push(((await (await send({ name: `n${n}` })).json()) as { leadId: string }).leadId);
    await ingest.stop();
    ingest = await start();
    expect(ingest.spool.waitingCount).toBe(30);
    await broker.start();
    await core.join(broker);
    await until(() => ingest.spool.waitingCount === 0, 20_000);
    expect(core.arrived.map(({ leadId }) => leadId)).toEqual(ids);
  });

  it('sends again what core does not confirm', async () => {
    core.commits = false;
    await send({ name: 'x' });
    await until(() => core.arrived.length === 1);
    core.arrived.length = 0;
    core.commits = true;
    await core.loseStream();
    await until(() => core.arrived.length === 1);
    await until(() => ingest.spool.waitingCount === 0);
  });

  it('is not ready, and takes nothing, while it has never known the forms', async () => {
    await ingest.stop();
    await broker.kill();
    await rm(dir, { recursive: true });
    ingest = await start();
    const ready = await fetch(`${ingest.url}/health/ready`);
    expect([ready.status, ((await ready.json()) as { checks: object }).checks]).toEqual([503, { spool: 'up', forms: 'down' }]);
    expect(await codeOf(send({ name: 'x' }))).toBe('503 dependency-unavailable');
  });

  it('counts what waits in its metrics', async () => {
    core.commits = false;
    await send({ name: 'x' });
    const metrics = await (await fetch(`${ingest.url}/metrics`)).text();
    expect(metrics).toContain('palisade_ingest_leads_waiting 1');
    expect(metrics).toContain('palisade_ingest_broker_connected 1');
  });
});
