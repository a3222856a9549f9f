import { parse } from 'csv-parse/sync';
import type pg from 'pg';
import readSheet from 'read-excel-file/node';
import { startSystem, testPool, type HttpClient, type System } from '#testing';
import { answered, eventually, everyRow, freshEmail, freshNumber, made, maskOf, outcome, Staff, unique } from './staff.js';
import type { Json, Person } from './staff.js';
import { NumberScan } from '../../deploy/scan/number-scan.js';
import { downloaded, exported, startedExport, type ExportState } from './exported.js';

const ALL = { view: 'allowed', create: 'allowed', edit: 'allowed', delete: 'allowed', export: 'allowed' } as const;
const GRANTS = { contact: ALL, company: ALL, deal: ALL };

/** A row of the list as the file has it: every value a text, masks for points. */
function asCells(row: Json, note: string): Record<string, string> {
  const points = (value: unknown): string => (value as { masked: string }[]).map(({ masked }) => masked).join('; ');
  const cell = ([name, value]: [string, unknown]): [string, string][] => {
    if (name === 'phones' || name === 'emails') return [[name, points(value)]];
    if (name === 'tags') return [[name, (value as string[]).join('; ')]];
    if (name !== 'amount') return [[name, value === null ? '' : String(value)]];
    const { value: sum = '', currency = '' } = (value ?? {}) as { value?: string; currency?: string };
    return [
      ['amount', sum],
      ['currency', currency],
    ];
  };
  return Object.fromEntries([...Object.entries(row).flatMap(cell), ['note', note]]);
}
const isFormula = (text: string): boolean => /^[=+\-@]/.test(text);

describe('exports', () => {
  const scan = new NumberScan();
  let system: System;
  let staff: Staff;
  let manager: Person;
  let database: pg.Pool;
  const notes = new Map<string, string>();

  beforeAll(async () => {
    system = await startSystem({ gateways: 2 });
    staff = await Staff.of(system);
    database = testPool(system.connections.database.superuser, 2);
    manager = await staff.person({ grants: GRANTS });
    for (let index = 0; index < 7; index += 1) {
      const [number, address] = [scan.plantNumber(freshNumber()), scan.plantEmail(freshEmail())];
      const note =
        ['plain', '=HYPERLINK("http://x")', 'two\nlines, "quoted"', '@SUM(A1)', `call ${number}`, '', '-1'][index] ?? '';
      const body = {
        name: index === 3 ? `=${unique('Name')}` : unique('Name'),
        phones: [{ number }],
        emails: [{ address }],
        note,
      };
      const { id } = await made(manager.client.post('/v1/contacts', { ...body, tags: ['a', 'b'] }));
      notes.set(id, note.replace(number, maskOf(number)));
      await made(manager.client.post('/v1/companies', { ...body, phones: [{ number }] }));
      await made(manager.client.post('/v1/deals', { title: body.name, amount: { value: '1500.50', currency: 'RUB' } }));
    }
  }, 100_000);
  afterAll(async () => {
    await database?.end();
    await system?.stop();
  });

  const listed = (client: HttpClient, type: string): Promise<Json[]> => everyRow<Json>(client, `/v1/${type}`);

  it.each(['contacts', 'companies', 'deals'])('%s as CSV are the rows of the list, row by row', async (type) => {
    const { headers, bytes } = await exported(manager.client, { type, format: 'csv' });
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(headers.get('content-disposition')).toMatch(new RegExp(`^attachment; filename="${type}-[0-9a-f-]{36}\\.csv"$`));
    const read = parse(bytes, { columns: true, bom: true }) as Record<string, string>[];
    const rows = await listed(manager.client, type);
    expect(read).toHaveLength(7);
    rows.forEach((row, index) => {
      const note = type === 'contacts' ? (notes.get(String(row['id'])) ?? '') : (read[index]?.['note'] ?? '').replace(/^'/, '');
      const cells = Object.entries(asCells(row, note)).map(([name, text]) => [name, isFormula(text) ? `'${text}` : text]);
      expect(read[index]).toEqual(Object.fromEntries(cells));
    });
  });

  it.each(['contacts', 'companies', 'deals'])('%s as XLSX are the rows of the list, row by row', async (type) => {
    const { headers, bytes } = await exported(manager.client, { type, format: 'xlsx' });
    expect(headers.get('content-type')).toMatch(/spreadsheetml\.sheet$/);
    const [sheet] = (await readSheet(bytes)) as unknown as { data: (string | null)[][] }[];
    const [header = [], ...read] = sheet?.data ?? [];
    const rows = await listed(manager.client, type);
    rows.forEach((row, index) => {
      const found = Object.fromEntries(header.map((name, column) => [name, read[index]?.[column] ?? '']));
      expect(found).toEqual(asCells(row, type === 'contacts' ? (notes.get(String(row['id'])) ?? '') : String(found['note'])));
    });
    expect(read).toHaveLength(rows.length);
  });

  it('takes the filters of a list, and refuses others', async () => {
    const [first] = await listed(manager.client, 'contacts');
    const filter = { createdFrom: String(first?.['createdAt']), sort: 'name' };
    const { bytes } = await exported(manager.client, { type: 'contacts', filter, format: 'csv' });
    const read = parse(bytes, { columns: true, bom: true }) as Record<string, string>[];
    expect(read.map(({ id }) => id)).toEqual([first?.['id']]);
    const refused = (body: Json): Promise<string> => outcome(manager.client.post('/v1/exports', body));
    for (const name of ['limit', 'cursor', 'count', 'phone']) {
      expect(await refused({ type: 'contacts', format: 'csv', filter: { [name]: '1' } })).toBe('422 unknown-filter');
    }
    expect(await refused({ type: 'deals', format: 'csv', filter: { 'attribution[utm_source]': 'x' } })).toBe(
      '422 unknown-filter',
    );
    expect(await refused({ type: 'leads', format: 'csv' })).toBe('422 validation-failed');
  });

  it('shows masks only, to an administrator as well, and keeps nothing in clear', async () => {
    for (const client of [manager.client, staff.admin]) {
      for (const format of ['csv', 'xlsx']) {
        const { exportId } = await startedExport(client, { type: 'contacts', format });
        const { bytes } = await downloaded(client, exportId);
        expect(bytes.length).toBeGreaterThan(100);
        if (format === 'csv') expect(scan.scan('file', bytes)).toEqual([]);
        else {
          const [sheet] = (await readSheet(bytes)) as unknown as { data: unknown[][] }[];
          expect(scan.scan('file', JSON.stringify(sheet?.data))).toEqual([]);
        }
        const { rows } = await database.query<{ sealed: string }>('SELECT sealed FROM access.export_parts WHERE export_id = $1', [
          exportId,
        ]);
        expect(rows).toHaveLength(1);
        const kept = Buffer.from(rows[0]?.sealed ?? '', 'base64url');
        expect([...scan.scan('part', kept), ...scan.scan('part', rows[0]?.sealed ?? '')]).toEqual([]);
        const names = (await listed(manager.client, 'contacts')).map(({ name }) => String(name));
        expect(names.filter((name) => kept.includes(name))).toEqual([]);
      }
    }
  });

  it('stands in the ledger, row by row, and in the trail', async () => {
    const person = await staff.person({ grants: GRANTS });
    const { exportId } = await startedExport(person.client, { type: 'contacts', format: 'csv' });
    await downloaded(person.client, exportId);
    const ids = (await listed(manager.client, 'contacts')).map(({ id }) => String(id)).sort();
    const entries = await eventually('the ledger has every row', async () => {
      const items = await everyRow<Json>(staff.admin, `/v1/exposure?userId=${person.id}`);
      const found = items.filter(({ kind }) => kind === 'export');
      return found.length === ids.length ? found : undefined;
    });
    expect(entries.map(({ subjectId }) => String(subjectId)).sort()).toEqual(ids);
    expect(entries.every(({ masked }) => masked === true)).toBe(true);
    for (const type of ['export.requested', 'export.sent']) {
      const [entry] = await eventually(`the trail has ${type}`, async () => {
        const items = await everyRow<Json>(staff.admin, `/v1/audit?actorId=${person.id}&type=${type}`);
        return items.length > 0 ? items : undefined;
      });
      expect(entry?.['details']).toMatchObject({ exportId, recordType: 'contact', format: 'csv', rows: ids.length });
    }
  });

  it('is refused whole by a limit, and then nothing of it exists', async () => {
    const person = await staff.person({ grants: GRANTS });
    const scope = { userIds: [person.id] };
    await staff.monitoring({ limits: [{ measure: 'record.exported', window: 'hour', max: 6, action: 'refuse', scope }] });
    const ask = () => person.client.post('/v1/exports', { type: 'contacts', format: 'csv' });
    expect(await outcome(ask())).toBe('403 view-limit-reached');
    const { rows } = await database.query('SELECT id FROM access.exports WHERE user_id = $1', [person.id]);
    expect(rows).toEqual([]);
    const { rows: disclosed } = await database.query(`SELECT id FROM watch.disclosures WHERE user_id = $1 AND kind = 'export'`, [
      person.id,
    ]);
    expect(disclosed).toEqual([]);
    await staff.monitoring({ limits: [{ measure: 'record.exported', window: 'hour', max: 7, action: 'refuse', scope }] });
    expect(await outcome(ask())).toBe('202');
    expect(await outcome(ask())).toBe('403 view-limit-reached');
    await staff.monitoring({ limits: [] });
  });

  it('is for its owner alone, at any gateway', async () => {
    const { exportId } = await startedExport(manager.client, { type: 'deals', format: 'csv' });
    const other = manager.client.at(system.gatewayUrls[1] ?? '');
    expect((await downloaded(other, exportId)).bytes.length).toBeGreaterThan(100);
    for (const client of [staff.admin, (await staff.person({ grants: GRANTS })).client]) {
      expect(await outcome(client.get(`/v1/exports/${exportId}`))).toBe('404 not-found');
      expect(await outcome(client.get(`/v1/exports/${exportId}/file`))).toBe('404 not-found');
    }
  });

  it('is gone after an hour, with its parts and its key', async () => {
    const { exportId } = await startedExport(manager.client, { type: 'deals', format: 'csv' });
    await database.query(`UPDATE access.exports SET finished_at = finished_at - interval '61 minutes' WHERE id = $1`, [exportId]);
    expect(await outcome(manager.client.get(`/v1/exports/${exportId}/file`))).toBe('404 not-found');
    await eventually('its parts and its key are gone', async () => {
      const { rows } = await database.query(
        `SELECT FROM access.exports AS e WHERE id = $1 AND wrapped_key IS NULL AND row_ids = '{}'
         AND NOT EXISTS (SELECT FROM access.export_parts AS p WHERE p.export_id = e.id)`,
        [exportId],
      );
      return rows[0];
    });
    expect(await answered(200, manager.client.get(`/v1/exports/${exportId}`))).toMatchObject({ state: 'done', rows: 7, done: 7 });
  });

  it('is the same for a repeat under one key, and another for another request', async () => {
    const key = { 'idempotency-key': unique('key') };
    const ask = (format: string) => manager.client.post('/v1/exports', { type: 'deals', format }, key);
    const [first, second] = [await answered(202, ask('csv')), await answered(202, ask('csv'))];
    expect(second).toEqual(first);
    expect(await outcome(ask('xlsx'))).toBe('422 idempotency-key-reused');
  });

  it('needs the right to export, and loses rows with it', async () => {
    const viewer = await staff.person({ grants: { contact: { view: 'allowed' } } });
    expect(await outcome(viewer.client.post('/v1/exports', { type: 'contacts', format: 'csv' }))).toBe('403 forbidden');
    const person = await staff.person({ grants: { contact: { view: 'allowed', export: 'allowed' } } });
    expect(await outcome(person.client.post('/v1/exports', { type: 'deals', format: 'csv' }))).toBe('403 forbidden');
    const { exportId } = await startedExport(person.client, { type: 'contacts', format: 'csv' });
    const less = await staff.role({ contact: { view: 'allowed', export: 'responsible' } });
    await answered(200, staff.admin.patch(`/v1/users/${person.id}`, { roleIds: [less] }));
    const { bytes } = await downloaded(person.client, exportId);
    expect(parse(bytes, { bom: true })).toHaveLength(1);
  });

  it('what is hidden is hidden from the next request on, at every gateway; and never is it in a list, a stream or a file', async () => {
    const [number, address] = [scan.plantNumber(freshNumber()), scan.plantEmail(freshEmail())];
    const body = { name: unique('Hidden'), phones: [{ number }], emails: [{ address }] };
    const { id } = await made(manager.client.post('/v1/contacts', body));
    const clients = [manager.client, manager.client.at(system.gatewayUrls[1] ?? '')];
    const stream = await manager.client.events('/v1/events/stream');
    const at = encodeURIComponent(new Date().toISOString());
    const ways = ['', '/history', `?at=${at}`].map((way) => `/v1/contacts/${id}${way}`);
    /** Of number and address, which the ways to a card show at each gateway. */
    const shown = async (): Promise<readonly boolean[][]> => {
      const texts = await Promise.all(clients.flatMap((client) => ways.map(async (path) => (await client.get(path)).text)));
      return texts.map((text) => [text.includes(number), text.includes(address)]);
    };
    const everywhere = (phones: boolean, emails: boolean) => Array.from({ length: 6 }, () => [phones, emails]);
    expect(await shown()).toEqual(everywhere(false, false));
    await staff.settings({ hidePhones: false, hideEmails: false });
    expect(await shown()).toEqual(everywhere(true, true));
    // Running while it is hidden again.
    const { exportId } = await answered(
      202,
      manager.client.post<{ exportId: string }>('/v1/exports', { type: 'contacts', format: 'csv' }),
    );
    await answered(200, manager.client.patch(`/v1/contacts/${id}`, { note: 'changed' }));
    for (const client of clients) expect(scan.scan('list', (await client.get('/v1/contacts')).text)).toEqual([]);
    await staff.settings({ hidePhones: true });
    expect(await shown()).toEqual(everywhere(false, true));
    await staff.settings({ hideEmails: true });
    expect(await shown()).toEqual(everywhere(false, false));
    await eventually('the export is done', async () => {
      const { state } = await answered(200, manager.client.get<{ state: ExportState }>(`/v1/exports/${exportId}`));
      return state === 'done' ? true : undefined;
    });
    const { bytes } = await downloaded(manager.client, exportId);
    expect(bytes.toString('utf8')).toContain(maskOf(number));
    expect(scan.scan('file', bytes)).toEqual([]);
    await stream.next();
    expect(scan.scan('stream', JSON.stringify(stream.received))).toEqual([]);
    stream.close();
    await answered(200, manager.client.delete(`/v1/contacts/${id}`));
  });

  it('takes a token that may read the type, and no other', async () => {
    const body = { name: unique('Token'), scopes: ['contacts:read'] };
    const { token } = await made(staff.admin.post('/v1/api-tokens', body));
    const client = staff.admin.withToken(String(token));
    expect((await exported(client, { type: 'contacts', format: 'csv' })).bytes.length).toBeGreaterThan(100);
    expect(await outcome(client.post('/v1/exports', { type: 'deals', format: 'csv' }))).toBe('403 scope-missing');
  });

  it('of deleted records is for those who may bring them back', async () => {
    const { id } = await made(staff.admin.post('/v1/companies', { name: unique('Company'), responsibleId: manager.id }));
    await answered(200, staff.admin.delete(`/v1/companies/${id}`));
    const ask = async (client: HttpClient, filter: Json): Promise<string[]> => {
      const { bytes } = await exported(client, { type: 'companies', filter, format: 'csv' });
      return (parse(bytes, { columns: true, bom: true }) as { id: string }[]).map((row) => row.id);
    };
    expect(await ask(staff.admin, { deleted: 'true' })).toEqual([id]);
    expect(await ask(staff.admin, {})).not.toContain(id);
    expect(await ask(manager.client, { deleted: true })).toEqual([]);
  });

  it('is cancelled with its person', async () => {
    const person = await staff.person({ grants: GRANTS });
    const { exportId } = await startedExport(person.client, { type: 'contacts', format: 'csv' });
    await answered(200, staff.admin.post(`/v1/users/${person.id}/deactivate`, { reason: 'left the company' }));
    await eventually('the export is cancelled', async () => {
      const { rows } = await database.query<{ state: ExportState; wrapped_key: Buffer | null }>(
        'SELECT state, wrapped_key FROM access.exports WHERE id = $1',
        [exportId],
      );
      return rows[0]?.state === 'cancelled' && rows[0].wrapped_key === null ? true : undefined;
    });
    expect(await outcome(person.client.get(`/v1/exports/${exportId}/file`))).toBe('401 unauthenticated');
  });
});
