import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { IntakeForm } from '#contracts';
import { createLogger, readConfig } from '#platform';
import { configSchema } from './config.js';
import { CoreSide, PrivateBroker } from './core-side.fixture.js';
import { until } from '#testing';
import { startLeadIngest, type LeadIngest } from './lead-ingest.js';
import { RUSH_LEADS, RUSH_WINDOW_MS } from './sending/rush-pauses.js';

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
  form(4, { successUrl: 'https://shop.example/спасибо' }),
  form(6, { requireSignature: true }),
  form(7, { format: 'tilda' }),
  form(8, { quarantineAfter: 2, name: '<b>"Shop" & Co</b>', requireConsent: true }),
];
const SECRET = 'fsk_planted_secret_of_form_6';
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
    core.secrets = { [FORMS[4]?.id ?? '']: SECRET };
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
      expect([text.includes(PLANTED), text.includes('shop.example'), text.includes('Person'), text.includes(SECRET)]).toEqual([
        ...[false, false, false, false],
      ]);
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
    expect([answer.status, answer.headers.get('location')]).toEqual([
      303,
      'https://shop.example/%D1%81%D0%BF%D0%B0%D1%81%D0%B8%D0%B1%D0%BE',
    ]);
    const thanks = await send({ name: 'x' }, { accept: 'text/html', 'accept-language': 'ru-RU,ru;q=0.9' });
    expect([thanks.status, thanks.headers.get('content-type')]).toEqual([202, 'text/html; charset=utf-8']);
    expect(await thanks.text()).toContain('<h1>Спасибо</h1>');
  });

  it('reads a form like JSON, whole or in parts, in the spelling of its source', async () => {
    const fields = { name: 'Ю', phone: `8${PLANTED}`, utm_source: 'vk', 'attribution[city]': 'Казань', submissionId: 'f-1' };
    const parts = new FormData();
    for (const [name, value] of Object.entries({ ...fields, submissionId: 'f-2' })) parts.append(name, value);
    const post = (body: URLSearchParams | FormData, key = 'key-1'): Promise<Response> =>
      fetch(`${ingest.url}/v1/forms/${key}/leads`, { method: 'POST', body });
    const [whole, again, inParts] = [
      await post(new URLSearchParams(fields)),
      await post(new URLSearchParams(fields)),
      await post(parts),
    ];
    expect([whole.status, again.status, inParts.status]).toEqual([202, 202, 202]);
    expect(await again.json()).toEqual(await whole.json());
    const tilda = new URLSearchParams({ Name: 'Ю', Phone: `8${PLANTED}`, tranid: '1:2', utm_source: 'vk', City: 'Казань' });
    expect((await post(new URLSearchParams({ test: 'test' }), 'key-7')).status).toBe(200);
    const taken = await Promise.all([post(tilda, 'key-7'), post(tilda, 'key-7')]);
    expect(taken.map(({ status }) => status)).toEqual([202, 202]);
    await until(() => core.arrived.length === 3 && ingest.spool.waitingCount === 0);
    const leads = await Promise.all(core.arrived.map((received) => core.open(received)));
    const lead = (attribution: object): object => ({ name: 'Ю', phone: `8${PLANTED}`, ip: '127.0.0.1', attribution });
    expect(leads).toEqual([
      ...Array.from({ length: 2 }, () => lead({ utm_source: 'vk', city: 'Казань' })),
      lead({ utm_source: 'vk', 'custom.City': 'Казань' }),
    ]);
  });

  it('takes signed leads alone where the form says so, each signature once', async () => {
    const body = JSON.stringify({ name: 'signed' });
    const signed = (text: string, seconds = Math.floor(Date.now() / 1_000)): Headers => ({
      'palisade-signature': `t=${seconds},v1=${createHmac('sha256', SECRET).update(`${seconds}.${text}`).digest('hex')}`,
    });
    const headers = signed(body);
    expect(await codeOf(send(body, {}, 'key-6'))).toBe('401 invalid-signature');
    expect(await codeOf(send(`${body} `, headers, 'key-6'))).toBe('401 invalid-signature');
    expect(await codeOf(send(body, signed(body, Math.floor(Date.now() / 1_000) - 400), 'key-6'))).toBe('401 invalid-signature');
    expect(await codeOf(send('{', signed('{'), 'key-6'))).toBe('400 malformed-body');
    const first = (await (await send(body, headers, 'key-6')).json()) as { leadId: string };
    expect(await (await send(body, headers, 'key-6')).json()).toEqual(first);
    expect(await codeOf(send(body, { ...headers, 'idempotency-key': 'another' }, 'key-6'))).toBe('422 idempotency-key-reused');
    // The same submission under a key, signed anew: what a server does that heard nothing.
    const keyed = { 'idempotency-key': 'k-9' };
    const later = signed(body, Math.floor(Date.now() / 1_000) - 5);
    const second = (await (await send(body, { ...later, ...keyed }, 'key-6')).json()) as { leadId: string };
    const anew = signed(body, Math.floor(Date.now() / 1_000) - 4);
    expect(await (await send(body, { ...anew, ...keyed }, 'key-6')).json()).toEqual(second);
    await until(() => core.arrived.length === 2 && ingest.spool.waitingCount === 0);
    expect((await fetch(`${ingest.url}/forms/key-6`)).status).toBe(404);
    // Known after a start without core too.
    await ingest.stop();
    await core.leave();
    ingest = await start();
    expect((await send(body, signed(body), 'key-6')).status).toBe(202);
  });

  it('says of a lead why it should be put aside, and answers as ever', async () => {
    const consent = { textId: 't', givenAt: '2026-01-01T00:00:00Z' };
    const answers = [
      await send({ name: 'trapped', website: 'http://spam.example' }),
      ...[await send({ name: 'a', consent }, {}, 'key-8'), await send({ name: 'b', consent }, {}, 'key-8')],
      await send({ name: 'over', consent }, {}, 'key-8'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
    await until(() => core.arrived.length === 4);
    const leads = await Promise.all(core.arrived.map((received) => core.open(received)));
    expect(leads.map(({ name, quarantineReason }) => [name, quarantineReason])).toEqual([
      ...[
        ['trapped', 'honeypot'],
        ['a', undefined],
        ['b', undefined],
      ],
      ['over', 'rate'],
    ]);
    expect(JSON.stringify(leads)).not.toContain('spam');
  });

  it('has a page for a form, that runs nothing and carries the marks of its address', async () => {
    const marks = `utm_source=%3Cscript%3E&utm_campaign=${'x'.repeat(1_025)}&gclid=g%22&other=o&__proto__=p`;
    const answer = await fetch(`${ingest.url}/forms/key-8?${marks}`, { headers: { 'accept-language': 'en' } });
    const html = await answer.text();
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(answer.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self';/,
    );
    expect(answer.headers.get('referrer-policy')).toBe('same-origin');
    expect(html).toContain('<h1>&lt;b&gt;&quot;Shop&quot; &amp; Co&lt;/b&gt;</h1>');
    expect(html).not.toMatch(/<script|<b>| on[a-z]+=/i);
    const hidden = [...html.matchAll(/type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]);
    expect(hidden).toEqual([
      ...[
        ['utm_source', '&lt;script&gt;'],
        ['gclid', 'g&quot;'],
      ],
      ['submissionId', expect.stringMatching(/^[0-9a-f-]{36}$/)],
    ]);
    expect(html).toContain('name="consent"');
    expect((await fetch(`${ingest.url}/forms/key-4`)).headers.get('content-security-policy')).toContain(
      "form-action 'self' https://shop.example;",
    );
    for (const key of ['key-2', 'key-7', 'no-such', '%ff', '..%2f']) {
      const refused = await fetch(`${ingest.url}/forms/${key}`);
      expect([key, refused.status]).toEqual([key, 404]);
    }
  });

  it('answers whatever is sent as documented, and goes on', async () => {
    const form = 'application/x-www-form-urlencoded';
    const parts = 'multipart/form-data; boundary=b';
    const type = (contentType: string): Headers => ({ 'content-type': contentType });
    const packed = gzipSync(Buffer.alloc(20_000_000));
    const cases: [string, unknown, Headers, string][] = [
      ['deep JSON', `{"name":"x","a":${'{"a":'.repeat(40)}1${'}'.repeat(41)}`, {}, '400 malformed-body'],
      ['a prototype', '{"name":"x","__proto__":{"a":1}}', {}, '400 malformed-body'],
      ['a nested prototype', '{"name":"x","attribution":{"__proto__":{"a":1}}}', {}, '400 malformed-body'],
      ['a prototype in a form', 'name=x&__proto__=y&constructor=z', type(form), '202'],
      ['a prototype in brackets', 'name=x&attribution[__proto__]=y', type(form), '202'],
      ['packed', packed, { 'content-encoding': 'gzip' }, '415 unsupported-media-type'],
      ['twice packed', packed, { 'content-encoding': 'gzip, gzip' }, '415 unsupported-media-type'],
      ['another charset', '{"name":"x"}', type('application/json; charset=utf-16'), '415 unsupported-media-type'],
      ['UTF-16', Buffer.from('{"name":"x"}', 'utf16le'), {}, '400 malformed-body'],
      ['no UTF-8', Buffer.from([0x6e, 0x61, 0x6d, 0x65, 0x3d, 0xff]), type(form), '400 malformed-body'],
      ['a wrong type', '{"name":"x"}', type(form), '422 validation-failed'],
      ['no boundary', 'x', type('multipart/form-data'), '400 malformed-body'],
      ['a broken part', '--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nx', type(parts), '400 malformed-body'],
      [
        'a file',
        '--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\nx\r\n--b--',
        type(parts),
        '422 validation-failed',
      ],
      ['many keys', Array.from({ length: 150 }, (_, n) => `k${n}=v`).join('&'), type(form), '422 validation-failed'],
      ['numbers', '{"name":1,"phone":[1],"email":{"a":1},"message":true}', {}, '422 validation-failed'],
      ['a list of leads', '[{"name":"x"}]', {}, '422 validation-failed'],
      ['a number', '1e999', {}, '422 validation-failed'],
      ['a type of a type', '{"name":"x"}', type('application/json/x'), '415 unsupported-media-type'],
    ];
    for (const [what, body, headers, outcome] of cases) {
      const answer = await send(body, headers);
      const { code } = (await answer.json()) as { code?: string };
      expect([what, code === undefined ? String(answer.status) : `${answer.status} ${code}`]).toEqual([what, outcome]);
    }
    const naughty = [
      '\u0000',
      '\u202e',
      '\ud800',
      'ﷺ'.repeat(50),
      '<img src=x onerror=alert(1)>',
      "' OR 1=1 --",
      '${7*7}',
      '{{7*7}}',
    ];
    naughty.push('../../etc/passwd', '\r\nSet-Cookie: a=b', '👩‍👩‍👧‍👦', 'Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢', '﻿', 'NaN', '-0', 'true', '\u001b[31m');
    for (const text of naughty) {
      expect([
        text,
        (await send({ name: text, message: 'x', [text]: text, attribution: { [`a${text}`]: text } })).status,
      ]).toEqual([text, 202]);
      const flat = new URLSearchParams({ name: text, message: 'x', [`b${text}`]: text }).toString();
      expect([text, (await send(flat, type(form))).status]).toEqual([text, 202]);
    }
    const told = await Promise.all([
      raw(ingest.url, `Content-Length: 70000\r\n\r\n{`),
      raw(ingest.url, `Content-Length: 5\r\n\r\n{"name":"x"}`),
      raw(ingest.url, `Content-Length: x\r\n\r\n`),
      raw(ingest.url, `Content-Length: 12\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
      raw(ingest.url, `Transfer-Encoding: chunked\r\n\r\nzz\r\n`),
      raw(ingest.url, `Transfer-Encoding: chunked\r\n\r\n`, `4000\r\n${'x'.repeat(0x4000)}\r\n`),
    ]);
    expect(told.map((answer) => answer.slice(9, 12))).toEqual(['413', '400', '400', '400', '400', '413']);
    expect(logged).not.toContain('"level":50');
    expect((await send({ name: 'after' })).status).toBe(202);
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

  it.each([
    ['lost with the stream', () => core.loseStream()],
    ['lost by a stream that remembers its id', () => core.loseMessages()],
  ])('sends again what core does not confirm, %s', async (_, lose) => {
    core.commits = false;
    await send({ name: 'x' });
    await until(() => core.arrived.length === 1);
    core.arrived.length = 0;
    core.commits = true;
    await lose();
    await until(() => core.arrived.length === 1);
    await until(() => ingest.spool.waitingCount === 0);
  });

  it('sends again under an id that the process before has not used up', async () => {
    core.commits = false;
    core.arrived.length = 0;
    await send({ name: 'x' });
    await until(() => core.arrived.length === 2);
    await ingest.stop();
    core.arrived.length = 0;
    ingest = await start();
    // The first sending is known to the stream; the second, a second later, must not be: the third would come two seconds after it.
    await until(() => core.arrived.length === 1, 3_300);
    core.commits = true;
    await until(() => ingest.spool.waitingCount === 0);
  });

  it('goes on sending in a rush without end, after pauses within their bound', async () => {
    await ingest.stop();
    ingest = await start({ PALISADE_RUSH_PAUSE_MS: '400' });
    await until(() => ingest.broker.isConnected);
    const storedAt = new Map<string, number>();
    const waits: number[] = [];
    const noteArrivals = (): void => {
      for (const { leadId } of core.arrived.slice(waits.length)) waits.push(performance.now() - (storedAt.get(leadId) ?? 0));
    };
    for (const end = performance.now() + 2_500; performance.now() < end; noteArrivals()) {
      const lead = {
        formId: FORMS[0]?.id as string,
        receivedAt: new Date().toISOString(),
        sealed: 'x',
        bodyMac: null,
        signed: null,
      };
      const leads = Array.from({ length: RUSH_LEADS }, () => ({ ...lead, leadId: randomUUID() }));
      for (const { leadId } of leads) storedAt.set(leadId, performance.now());
      await Promise.all(leads.map((each) => ingest.spool.store(each)));
      await sleep(RUSH_WINDOW_MS / 2);
    }
    const [arrivedMeanwhile, stored] = [waits.length, storedAt.size];
    await until(() => (noteArrivals(), waits.length === stored));
    expect(arrivedMeanwhile).toBeGreaterThan(stored / 2);
    expect(Math.max(...waits)).toBeGreaterThan(300);
    expect(Math.max(...waits)).toBeLessThan(1_400);
  });

  it('is not ready, and takes nothing, while it has never known the forms', async () => {
    await ingest.stop();
    await broker.kill();
    await rm(dir, { recursive: true });
    ingest = await start();
    const ready = await fetch(`${ingest.url}/health/ready`);
    const checks = { spool: 'up', forms: 'down', broker: 'down' };
    expect([ready.status, await ready.json()]).toEqual([503, { status: 'not-ready', checks }]);
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

/** What is answered to a request whose framing nobody would send by a library; `endless` is sent again and again until there is an answer. */
async function raw(url: string, rest: string, endless?: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let told = '';
  socket.setEncoding('latin1').on('data', (text: string) => (told += text));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(`POST /v1/forms/key-1/leads HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${rest}`);
  for (let times = 0; endless !== undefined && told === '' && times < 10_000 && socket.writable; times += 1) {
    if (!socket.write(endless)) await Promise.race([once(socket, 'drain'), once(socket, 'data'), once(socket, 'close')]);
  }
  await until(() => told !== '');
  socket.destroy();
  return told;
}
