import pg from 'pg';
import { startSystem, type HttpClient, type System } from '#testing';
import { answered, eventually, everyRow, freshEmail, freshNumber, made, maskOf, outcome, Staff, unique } from './staff.js';
import type { Json, Person } from './staff.js';
import { NumberScan } from '../../deploy/scan/number-scan.js';

const GRANTS = {
  contact: { view: 'group', create: 'allowed', assign: 'group' },
  company: { view: 'responsible', create: 'allowed' },
  records: { import: 'allowed' },
} as const;
const HEADER = 'name,phone,email,company,responsibleEmail,tags,note';

interface Standing {
  readonly state: string;
  readonly dryRun: boolean;
  readonly rows: number;
  readonly done: number;
  readonly imported: number;
  readonly refused: number;
  readonly refusedLines: readonly { line: number; code: string }[];
}

function csv(client: HttpClient, text: string, query = 'type=contacts', headers: Record<string, string> = {}) {
  return client.post<Json>(`/v1/imports?${query}`, text, { 'content-type': 'text/csv', ...headers });
}

async function imported(client: HttpClient, text: string, query?: string, headers?: Record<string, string>): Promise<Standing> {
  const { importId } = await answered(202, csv(client, text, query, headers));
  return ended(client, String(importId));
}

function ended(client: HttpClient, importId: string): Promise<Standing> {
  return eventually(
    'the import has ended',
    async () => {
      const standing = await answered(200, client.get<Standing>(`/v1/imports/${importId}`));
      return ['queued', 'running'].includes(standing.state) ? undefined : standing;
    },
    45_000,
  );
}

describe('imports', () => {
  const scan = new NumberScan();
  let system: System;
  let staff: Staff;
  let departmentId: string;
  let importer: Person;
  let colleague: Person;
  let inactive: Person;

  beforeAll(async () => {
    system = await startSystem({ gateways: 2 });
    staff = await Staff.of(system);
    departmentId = await staff.department();
    [importer, colleague, inactive] = [
      await staff.person({ grants: GRANTS, departmentId }),
      await staff.person({ grants: GRANTS, departmentId }),
      await staff.person({ departmentId }),
    ];
    await answered(200, staff.admin.post(`/v1/users/${inactive.id}/deactivate`, { reason: 'left the company' }));
  }, 100_000);
  afterAll(() => system?.stop());

  const rowsNamed = async (prefix: string): Promise<Json[]> =>
    (await everyRow(importer.client, '/v1/contacts')).filter(({ name }) => String(name).startsWith(prefix));

  it('makes a contact of each line, and says by number and code which lines it refused', async () => {
    const prefix = unique('Import');
    const [first, second, email] = [
      scan.plantNumber(freshNumber()),
      scan.plantNumber(freshNumber()),
      scan.plantEmail(freshEmail()),
    ];
    const text = [
      HEADER,
      `${prefix} one,8 ${first.slice(2)},${email},ООО Ромашка,,"vip; new","call ${second}, or write"`,
      `${prefix} two,"${first}, ${second}",,ооо ромашка,${colleague.email.toUpperCase()},,`,
      `,${first},,,,,no name`,
      `${prefix} four,+7 *** ***-**-67,,,,,`,
      `${prefix} five,${first},,,nobody@palisade.test,,`,
      `${prefix} six,${first},,,${inactive.email},,`,
      `${prefix} seven,ask the secretary,not an address,,,,"two\nlines"`,
      '',
      `${prefix} eight,${first}`,
    ].join('\r\n');

    const dry = await imported(importer.client, text, 'type=contacts&dryRun=true');
    const nothing = await rowsNamed(prefix);
    const companiesBefore = await everyRow(importer.client, '/v1/companies');
    const standing = await imported(importer.client, `\ufeff${text}`);

    const refusedLines = [
      { line: 4, code: 'validation-failed' },
      { line: 5, code: 'masked-value' },
      { line: 6, code: 'unknown-reference' },
      { line: 7, code: 'responsible-inactive' },
      { line: 10, code: 'malformed-line' },
    ];
    expect(dry).toMatchObject({ state: 'done', dryRun: true, rows: 8, done: 8, imported: 0, refused: 5, refusedLines });
    expect([nothing, companiesBefore]).toEqual([[], []]);
    expect(standing).toMatchObject({ state: 'done', dryRun: false, rows: 8, done: 8, imported: 3, refused: 5, refusedLines });
    const [one, seven, two] = (await rowsNamed(prefix)).sort((a, b) => String(a['name']).localeCompare(String(b['name'])));
    const companies = await everyRow(importer.client, '/v1/companies');
    expect(companies).toHaveLength(1);
    expect(one).toMatchObject({
      name: `${prefix} one`,
      phones: [{ masked: maskOf(first) }],
      companyId: companies[0]?.['id'],
      responsibleId: importer.id,
      tags: ['vip', 'new'],
    });
    expect(two).toMatchObject({
      phones: [{ masked: maskOf(first) }, { masked: maskOf(second) }],
      companyId: companies[0]?.['id'],
      responsibleId: colleague.id,
    });
    expect(seven).toMatchObject({ phones: [{ masked: '***' }], emails: [{ masked: '***' }], companyId: null });
    const card = await answered(200, importer.client.get<Json>(`/v1/contacts/${String(one?.['id'])}`));
    expect(card['note']).toBe(`call ${maskOf(second)}, or write`);
    expect(card['phones']).toEqual([{ id: expect.any(String) as string, label: null, masked: maskOf(first) }]);
    expect(JSON.stringify(await rowsNamed(prefix))).not.toContain(first.slice(2));
  });

  it('takes semicolons where the header has them, and links only companies that the importer may see', async () => {
    const prefix = unique('Import');
    const hidden = unique('Company');
    const theirs = await made(staff.admin.post('/v1/companies', { name: hidden }));

    const standing = await imported(importer.client, `name;company\n${prefix} a;${hidden}\n${prefix} b;${hidden}\n`);

    expect(standing).toMatchObject({ imported: 2, refused: 0 });
    const companyIds = new Set((await rowsNamed(prefix)).map(({ companyId }) => companyId));
    expect(companyIds.size).toBe(1);
    expect(companyIds.has(theirs.id)).toBe(false);
  });

  it('refuses in the order of the contract, and keeps nothing of what it refused', async () => {
    const stranger = await staff.person({ grants: { contact: GRANTS.contact } });
    const reader = await staff.person({ grants: { records: GRANTS.records, contact: { view: 'allowed' } } });
    const good = `${HEADER}\n${unique('Import')},,,,,,`;

    expect(await outcome(csv(importer.client.withToken(''), good))).toBe('401 unauthenticated');
    expect(await outcome(csv(stranger.client, 'rubbish', 'type=nonsense'))).toBe('403 forbidden');
    expect(await outcome(csv(reader.client, good))).toBe('403 forbidden');
    expect(await outcome(csv(importer.client, good, 'type=deals'))).toBe('422 validation-failed');
    expect(await outcome(csv(importer.client, good, 'type=contacts&x=1'))).toBe('422 validation-failed');
    expect(await outcome(importer.client.post('/v1/imports?type=contacts', { name: 'x' }))).toBe('415 unsupported-media-type');
    expect(await outcome(csv(importer.client, ''))).toBe('400 malformed-body');
    expect(await outcome(csv(importer.client, 'name\n"open'))).toBe('400 malformed-body');
    expect(await outcome(csv(importer.client, HEADER))).toBe('422 validation-failed');
    expect(await outcome(csv(importer.client, 'phone\n+79161234567'))).toBe('422 validation-failed');
    expect(await outcome(csv(importer.client, 'name,+79161234567\nx,y'))).toBe('422 validation-failed');
    expect((await csv(importer.client, 'name,+79161234567\nx,y')).text).not.toContain('1234567');
    expect(await outcome(csv(importer.client, `name\n${'x\n'.repeat(20_001)}`))).toBe('413 body-too-large');
    const mine = await answered(202, csv(importer.client, good));
    expect(await outcome(colleague.client.get(`/v1/imports/${String(mine['importId'])}`))).toBe('404 not-found');
    await ended(importer.client, String(mine['importId']));
  });

  it('takes every line once when core dies on the way, and a repeat under the same key is the same import', async () => {
    const prefix = unique('Import');
    const text = `name,phone\n${Array.from({ length: 300 }, (_, line) => `${prefix} ${line},${freshNumber()}`).join('\n')}`;
    const headers = { 'idempotency-key': unique('key') };

    const { importId } = await answered(202, csv(importer.client, text, 'type=contacts', headers));
    await eventually('some lines are in', async () => {
      const { done } = await answered(200, importer.client.get<Standing>(`/v1/imports/${String(importId)}`));
      return done > 0 ? true : undefined;
    });
    await system.kill('crm-core');
    const standing = await ended(importer.client, String(importId));
    const again = await answered(202, csv(importer.client.at(system.gatewayUrls[1] as string), text, 'type=contacts', headers));

    expect(standing).toMatchObject({ state: 'done', rows: 300, done: 300, imported: 300, refused: 0 });
    expect(again['importId']).toBe(importId);
    expect(await outcome(csv(importer.client, `${text}\nanother,`, 'type=contacts', headers))).toBe('422 idempotency-key-reused');
    expect(await rowsNamed(prefix)).toHaveLength(300);
    // After its 7 days the key is free: what comes in under it is another import, whatever core still remembers.
    const database = new pg.Client({ connectionString: system.connections.database.superuser });
    await database.connect();
    await database.query(`UPDATE access.imports SET created_at = created_at - interval '7 days' WHERE id = $1`, [importId]);
    await eventually('the first to be forgotten', async () =>
      (await outcome(importer.client.get(`/v1/imports/${String(importId)}`))).startsWith('404') ? true : undefined,
    );
    await database.end();
    expect(await imported(importer.client, text, 'type=contacts', headers)).toMatchObject({ imported: 300, refused: 0 });
    expect(await rowsNamed(prefix)).toHaveLength(600);
    // What a gateway wrote is copied into the trail a little later.
    await eventually('the end in the trail', async () => {
      const path = `/v1/audit?type=import.ended&actorId=${importer.id}`;
      const { items } = await answered(200, staff.admin.get<{ items: Json[] }>(path));
      return items.some(({ details }) => (details as Json)['importId'] === importId) ? true : undefined;
    });
  });

  it('is cancelled with its owner, and a rewind undoes what came in', async () => {
    const leaver = await staff.person({ grants: GRANTS, departmentId });
    const prefix = unique('Import');
    const since = new Date(Date.now() - 60_000).toISOString();
    const text = `name\n${Array.from({ length: 2_000 }, (_, line) => `${prefix} ${line}`).join('\n')}`;

    const { importId } = await answered(202, csv(leaver.client, text));
    await eventually('some lines are in', async () => {
      const { done } = await answered(200, leaver.client.get<Standing>(`/v1/imports/${String(importId)}`));
      return done > 0 ? true : undefined;
    });
    await answered(200, staff.admin.post(`/v1/users/${leaver.id}/deactivate`, { reason: 'left the company' }));
    const trail = await eventually('no part is left', async () => {
      const taken = (await rowsNamed(prefix)).length;
      await new Promise((resolve) => setTimeout(resolve, 700));
      return (await rowsNamed(prefix)).length === taken ? taken : undefined;
    });
    const { rewindId } = await answered(202, staff.admin.post<Json>(`/v1/users/${leaver.id}/rewind`, { since }));
    await eventually('the rewind is done', async () => {
      const { state } = await answered(200, staff.admin.get<Json>(`/v1/rewinds/${String(rewindId)}`));
      return state === 'done' ? true : undefined;
    });

    expect(trail).toBeLessThan(2_000);
    expect(await rowsNamed(prefix)).toEqual([]);
  });
});
