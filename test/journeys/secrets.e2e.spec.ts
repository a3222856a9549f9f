import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { HttpClient, startSystem, type HttpAnswer, type System } from '#testing';
import { NumberScan, type Leak } from './number-scan.js';
import {
  answered,
  eventually,
  everyRow,
  freshEmail,
  freshNumber,
  made,
  Staff,
  unique,
  type Grants,
  type Json,
  type Made,
  type Person,
} from './staff.js';

const ALL = {
  view: 'allowed',
  create: 'allowed',
  edit: 'allowed',
  delete: 'allowed',
  restore: 'allowed',
  assign: 'allowed',
} as const;
const SELLER: Grants = {
  ...{ contact: ALL, company: ALL, deal: { ...ALL, move: 'allowed' }, attribution: { view: 'allowed' } },
  ...{
    pipelines: { view: 'allowed' },
    forms: { view: 'allowed' },
    monitoring: { view: 'allowed' },
    exposure: { view: 'allowed' },
  },
};

/** The ways in which people write one number. */
const spellings = (number: string): string[] => {
  const [a, b, c, d] = [number.slice(2, 5), number.slice(5, 8), number.slice(8, 10), number.slice(10)];
  return [
    number,
    `8${a}${b}${c}${d}`,
    `8 (${a}) ${b}-${c}-${d}`,
    `+7 ${a} ${b} ${c} ${d}`,
    `${a}.${b}.${c}.${d}`,
    `8_${a}_${b}_${c}${d}`,
  ];
};

describe('the scan', () => {
  const scan = new NumberScan();
  const number = scan.plantNumber(freshNumber());
  const address = scan.plantEmail(freshEmail());
  const digest = (algorithm: string): string => createHash(algorithm).update(number).digest('hex');
  const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le');

  it.each<[string, string | Buffer]>([
    ...spellings(number).map((text) => [text.replaceAll(/\d/g, 'd'), text] as [string, string]),
    ['encoded for a URL', encodeURIComponent(number)],
    ['twice spaced in a URL', `%2B7%20916%20${number.slice(5, 8)}%20${number.slice(8)}`],
    ['non-breaking spaces', `8\u00a0916\u00a0${number.slice(5, 8)}\u2011${number.slice(8)}`],
    ['escaped in JSON', `"\\u002b7\\u0020916\\u0020${number.slice(5)}"`],
    ['UTF-16, little end first', utf16(number)],
    ['UTF-16, big end first', utf16(number).swap16()],
    ['backwards', [...number].reverse().join('')],
    ['base64', Buffer.from(JSON.stringify({ number })).toString('base64')],
    ['base64, one later', Buffer.from(`${JSON.stringify({ a: number })}`).toString('base64')],
    ['base64, two later', Buffer.from(`${JSON.stringify({ ab: number })}`).toString('base64url')],
    ['hexadecimal', Buffer.from(`x${number}x`).toString('hex').toUpperCase()],
    ['hexadecimal of bytea', `\\x${Buffer.from(number.slice(1)).toString('hex')}`],
    ['sha256', digest('sha256')],
    ['sha1', digest('sha1').toUpperCase()],
    ['md5', digest('md5')],
    ['sha256 as bytes', createHash('sha256').update(number).digest()],
    ['an e-mail', `<${address}>`],
    ['an e-mail in capitals', address.toUpperCase()],
    ['an e-mail in a URL', encodeURIComponent(address)],
    ['an e-mail as UTF-16', utf16(address)],
    ['an e-mail as base64', Buffer.from(address).toString('base64')],
    ['the sha256 of an e-mail', createHash('sha256').update(address).digest('base64')],
  ])('finds %s', (_, text) => {
    const around = [Buffer.from('{"before":"'), Buffer.isBuffer(text) ? text : Buffer.from(text), Buffer.from('","after":1}')];
    expect(scan.scan('here', Buffer.concat(around)).length).toBeGreaterThan(0);
  });

  it('finds nothing where nothing is', () => {
    const other = freshNumber();
    expect(scan.scan('here', JSON.stringify([...spellings(other), freshEmail(), new Date(), Date.now()]))).toEqual([]);
  });
});

describe('planted numbers and addresses', () => {
  const scan = new NumberScan();
  let system: System;
  let staff: Staff;
  let seller: Person;
  /** Every answer that somebody without the right to see numbers got. */
  const answers: Array<{ readonly place: string; readonly text: string }> = [];

  beforeAll(async () => {
    system = await startSystem({ env: { PALISADE_LOG_LEVEL: 'debug' } });
    staff = await Staff.of(system);
    seller = await staff.person({ grants: SELLER });
  }, 100_000);
  afterAll(() => system?.stop());

  const number = (): string => scan.plantNumber(freshNumber());
  const email = (): string => scan.plantEmail(freshEmail());
  async function kept<Body>(place: string, answer: Promise<HttpAnswer<Body>>): Promise<HttpAnswer<Body>> {
    const given = await answer;
    answers.push({ place, text: `${given.text}\n${JSON.stringify([...given.headers])}` });
    return given;
  }
  const ask = (method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<HttpAnswer<Json>> =>
    kept(
      `${method} ${path.replaceAll(/[0-9a-f-]{36}/g, ':id').split('?')[0]}`,
      seller.client.request<Json>(method, path, {
        ...(body === undefined ? {} : { body }),
        ...(headers === undefined ? {} : { headers }),
      }),
    );

  it('go in wherever a person can write', async () => {
    for (const route of ['contacts', 'companies'] as const) {
      for (let round = 0; round < 6; round += 1) {
        const points = { phones: [{ number: spellings(number())[round] }, { label: `тел ${number()}`, number: number() }] };
        const texts = { note: `Звонить ${spellings(number())[round]} или ${email()}`, tags: [`тег ${number()}`] };
        const extra =
          route === 'companies' ? { website: `https://wa.me/${number().slice(1)}`, address: `ул. Мира, ${number()}` } : {};
        const body = { name: `Имя ${spellings(number())[round]}`, ...points, ...texts, ...extra, emails: [{ address: email() }] };
        const { body: created, status } = await ask('POST', `/v1/${route}`, body, { 'idempotency-key': unique('key') });
        expect(status).toBe(201);
        const path = `/v1/${route}/${String(created['id'])}`;
        const [first] = created['phones'] as Made[];
        await ask('PATCH', path, { phones: [{ id: first?.id, number: number() }], note: spellings(number())[round] });
        await ask('GET', path);
        if (round % 2 === 0) {
          await ask('DELETE', path);
          if (round % 4 === 0) await ask('POST', `${path}/restore`);
        }
      }
    }
    const [remark, phone] = await Promise.all(
      (['text', 'phone'] as const).map((type) =>
        made(staff.admin.post('/v1/custom-fields', { recordType: 'deal', name: `Поле ${number()}`, type })),
      ),
    );
    await made(staff.admin.post('/v1/pipelines', { name: `Воронка ${number()}`, stages: [{ name: `Этап ${email()}` }] }));
    const deal = await ask('POST', '/v1/deals', {
      title: `Сделка ${number()}`,
      customFields: { [remark?.id ?? '']: `${number()} ${email()}`, [phone?.id ?? '']: number() },
      note: `${email()} ${number()}`,
      tags: [number()],
    });
    expect(deal.status).toBe(201);
    await ask('PATCH', `/v1/deals/${String(deal.body['id'])}`, {
      title: `Сделка ${number()} ${email()}`,
      customFields: { [phone?.id ?? '']: number() },
    });
    await ask('POST', `/v1/deals/${String(deal.body['id'])}/lose`, { reason: `ушёл к ${number()} ${email()}` });
    await ask('GET', `/v1/deals/${String(deal.body['id'])}`);
  });

  it('go in with leads', async () => {
    const form = (await made(staff.admin.post('/v1/forms', { name: `Форма ${number()}` }))) as Made & { key: string };
    const ingest = new HttpClient(system.ingestUrl);
    const path = `/v1/forms/${form.key}/leads`;
    await eventually('the form', async () => ((await ingest.post(path, {})).status === 422 ? true : undefined));
    const leads = await Promise.all(
      Array.from({ length: 10 }, async (_, round) => {
        const body = {
          ...{ name: `Лид ${number()}`, phone: spellings(number())[round % 6], email: email() },
          ...{
            message: `Мой номер ${spellings(number())[round % 6]}, почта ${email()}`,
            company: `ООО ${number()}`,
            title: `Заявка ${number()}`,
          },
          attribution: {
            utm_term: number(),
            landingPage: `/?phone=${encodeURIComponent(number())}`,
            referrer: `https://x.ru/${email()}`,
          },
          submissionId: unique('s'),
          [`field ${number()}`]: `value ${number()}`,
        };
        const answer = await kept('POST lead', ingest.post<{ leadId: string }>(path, body));
        return answered(202, Promise.resolve(answer));
      }),
    );
    await eventually('the leads', async () => {
      const ids = new Set((await everyRow(staff.admin, '/v1/deals')).map((deal) => deal['leadId']));
      return leads.every(({ leadId }) => ids.has(leadId)) ? true : undefined;
    });
  });

  it('go in where they are refused', async () => {
    const wrong: Array<[string, string, unknown, Record<string, string>?]> = [
      ['POST', '/v1/contacts', { name: 'x', phones: [{ number: `${number()}0000` }] }],
      ['POST', '/v1/contacts', { name: 'x', phones: [{ number: `${number().slice(0, -1)}*` }] }],
      ['POST', '/v1/contacts', { name: 'x', [`${number()}`]: number() }],
      ['POST', '/v1/contacts', `{"name":"x","phones":[{"number":"${number()}"`],
      ['POST', '/v1/contacts', `phone=${number()}`, { 'content-type': 'application/x-www-form-urlencoded' }],
      ['POST', '/v1/contacts', { name: 'x', emails: [{ address: `${email()}@` }] }],
      ['POST', '/v1/deals', { title: 'x', contactIds: [number()], stageId: email() }],
      ['POST', '/v1/deals', { title: 'x', customFields: { [number()]: number() } }],
      ['POST', '/v1/users', { name: number(), email: email() }],
      ['GET', `/v1/contacts?q=${encodeURIComponent(number())}`, undefined],
      ['GET', `/v1/contacts?q=${encodeURIComponent(email())}`, undefined],
      ['GET', `/v1/contacts?sort=${encodeURIComponent(number())}`, undefined],
      ['GET', `/v1/contacts?cursor=${Buffer.from(number()).toString('base64url')}`, undefined],
      ['GET', `/v1/contacts?${encodeURIComponent(number())}=1`, undefined],
      ['GET', `/v1/contacts/${number()}`, undefined],
      ['GET', `/v1/nothing/${number()}`, undefined],
      ['GET', '/v1/contacts', undefined, { 'if-match': number(), 'x-request-id': number(), 'user-agent': number() }],
      ['POST', '/v1/contacts', { name: 'x' }, { 'idempotency-key': number() }],
    ];
    for (const [method, path, body, headers] of wrong) await ask(method, path, body, headers);
    const ingest = new HttpClient(system.ingestUrl);
    for (const body of [`{"phone":"${number()}`, `{"phone":["${number()}"]}`, `{"consent":"${number()}"}`])
      await kept('POST lead', ingest.request('POST', `/v1/forms/${encodeURIComponent(number())}/leads`, { body }));
  });

  it('come out nowhere: not in answers, not in any file', async () => {
    for (const route of ['contacts', 'companies', 'deals']) {
      for (const query of ['', '?sort=name', '?deleted=true', '?q=имя', '?count=true', '?limit=200'])
        await ask('GET', `/v1/${route}${query}`);
      for (const { id } of await everyRow(seller.client, `/v1/${route}`)) await ask('GET', `/v1/${route}/${id}`);
    }
    for (const path of [
      '/v1/me',
      '/v1/pipelines',
      '/v1/custom-fields',
      '/v1/forms',
      '/v1/alerts',
      `/v1/exposure?userId=${seller.id}`,
      '/v1/monitoring/users',
      '/v1/monitoring/suggestions',
    ])
      await ask('GET', path);
    expect(answers.length).toBeGreaterThan(100);
    // An opened card says what it is about, so the answers are not empty for another reason.
    expect(answers.some(({ text }) => text.includes('+7 *** ***-**-'))).toBe(true);
    const spoken = answers.flatMap(({ place, text }) => scan.scan(place, text));
    expect(spoken).toEqual([]);

    const database = new pg.Client({ connectionString: system.connections.database.superuser });
    database.on('error', () => undefined);
    await database.connect();
    await database.query('CHECKPOINT');
    await database.end();
    const { leaks, files, bytes } = await scan.scanFolder(system.dataDir);
    expect(summary(leaks, system.dataDir)).toEqual([]);
    // It read the cluster behind its link, the logs, the streams and the spool.
    expect(files).toBeGreaterThan(500);
    expect(bytes).toBeGreaterThan(20_000_000);
    expect(existsSync(join(system.dataDir, 'logs', 'crm-core-0.log'))).toBe(true);
  });

  it('would have been found', async () => {
    const planted = scan.plantNumber(freshNumber());
    const file = join(system.dataDir, 'logs', 'planted.log');
    writeFileSync(file, `${'x'.repeat(4 * 1024 * 1024 - 5)}`);
    appendFileSync(file, `8 (${planted.slice(2, 5)}) ${planted.slice(5, 8)}-${planted.slice(8)}`);
    const { leaks } = await scan.scanFolder(join(system.dataDir, 'logs'));
    rmSync(file);
    expect(new Set(leaks.map(({ place }) => place))).toEqual(new Set([file]));
    // And so would one in a table: a row that nobody should ever write.
    const database = new pg.Client({ connectionString: system.connections.database.superuser });
    database.on('error', () => undefined);
    await database.connect();
    await database.query('CREATE TABLE public.planted (number text)');
    await database.query('INSERT INTO public.planted VALUES ($1)', [scan.plantNumber(freshNumber())]);
    await database.query('CHECKPOINT');
    await database.end();
    expect((await scan.scanFolder(join(system.dataDir, 'postgres', 'base'))).leaks.length).toBeGreaterThan(0);
  });
});

/** Places and spellings, without the changing parts; never a value. */
function summary(leaks: readonly Leak[], dataDir: string): string[] {
  return [...new Set(leaks.map(({ place, spelling, index }) => `${place.replace(dataDir, '')}: ${spelling} of ${index}`))].slice(
    0,
    50,
  );
}
