import { execFile } from 'node:child_process';
import { hash, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { HttpClient, startSystem, type System } from '#testing';
import { answered, everyRow, eventually, freshNumber, made, outcome, persistently, Staff, unique, type Json } from './staff.js';

interface Entry {
  readonly id: string;
  readonly at: string;
  readonly type: string;
  readonly actorId: string | null;
  readonly ip: string | null;
  readonly details: Json;
}
interface Page {
  readonly items: readonly Entry[];
  readonly nextCursor: string | null;
}

const ROOT = join(import.meta.dirname, '..', '..');
const SEALED_WITHIN_MS = 20_000;

describe('the audit trail', () => {
  let system: System;
  let staff: Staff;
  let database: pg.Client;
  beforeAll(async () => {
    system = await startSystem({ cores: 2 });
    staff = await Staff.of(system);
    database = new pg.Client({ connectionString: system.connections.database.superuser });
    await database.connect();
  }, 100_000);
  afterAll(async () => {
    await database?.end();
    await system?.stop();
  });

  /** The first entry of a type that fits; core copies what gateways write a moment later. */
  const entry = (type: string, fits: (entry: Entry) => boolean = () => true): Promise<Entry> =>
    eventually(`an entry ${type}`, async () => {
      const { items } = await answered(200, staff.admin.get<Page>(`/v1/audit?type=${type}&limit=200`));
      return items.find(fits);
    });
  const count = async (sql: string): Promise<number> =>
    (await database.query<{ n: number }>(`SELECT (${sql})::int AS n`)).rows[0]?.n ?? -1;
  const allSealed = (): Promise<boolean> =>
    eventually(
      'everything sealed',
      async () => {
        const { body, status } = await staff.admin.get<{ unsealed: number; total: number }>('/v1/audit/proof');
        return status === 200 && body.unsealed === 0 && body.total === (await count('SELECT count(*) FROM es.events'))
          ? true
          : undefined;
      },
      SEALED_WITHIN_MS,
    );
  /** `npm run verify` on the running system. */
  const runVerify = (): Promise<{ code: number; output: string }> =>
    new Promise((resolve) => {
      const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], PALISADE_DATA_DIR: system.dataDir };
      execFile(
        process.execPath,
        [join(ROOT, 'deploy', 'run.mjs'), 'deploy/src/core-tool.js', 'verify'],
        { cwd: ROOT, env },
        (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), output: out + err }),
      );
    });

  it('has sign-ins, those that failed too, without the name that was tried', async () => {
    const person = await staff.person();
    expect(await entry('sign-in.succeeded', ({ actorId }) => actorId === person.id)).toMatchObject({ ip: '127.0.0.1' });
    const tried = `${unique('nobody')}@palisade.test`;
    expect(
      await outcome(new HttpClient(system.gatewayUrl).post('/v1/sessions', { email: tried, password: 'not the one at all' })),
    ).toBe('401 invalid-credentials');
    const failed = await entry('sign-in.failed', ({ actorId }) => actorId === null);
    expect(JSON.stringify(failed)).not.toContain(tried);
  });

  it('has the security settings before and after', async () => {
    const { body: before } = await staff.admin.get('/v1/settings/security');
    await staff.settings({ hidePersonalData: before['hidePersonalData'], timeZone: 'Asia/Novosibirsk' });
    const { details } = await entry(
      'settings.changed',
      ({ details: told }) => (told['after'] as Json)['timeZone'] === 'Asia/Novosibirsk',
    );
    expect(details).toMatchObject({ before: { timeZone: before['timeZone'] }, after: { timeZone: 'Asia/Novosibirsk' } });
  });

  it('has what was refused, by route and not by address', async () => {
    const person = await staff.person({ grants: { contact: { view: 'responsible', create: 'allowed' } } });
    expect(await outcome(person.client.get('/v1/audit'))).toBe('403 forbidden');
    expect(await outcome(person.client.get('/v1/audit/proof'))).toBe('403 forbidden');
    const refused = await entry('request.refused', ({ actorId }) => actorId === person.id);
    expect(refused).toMatchObject({ ip: '127.0.0.1', details: { code: 'forbidden', action: 'GET /v1/audit' } });
    // Refused by core, in a handler: the record is his to see and not to change.
    const other = await staff.person({ grants: { contact: { view: 'responsible' } } });
    const { id } = await made(staff.admin.post('/v1/contacts', { name: unique('Contact'), responsibleId: other.id }));
    expect(await outcome(other.client.patch(`/v1/contacts/${id}`, { note: 'x' }))).toBe('403 forbidden');
    const change = await entry('request.refused', ({ actorId }) => actorId === other.id);
    expect(change.details).toEqual({ code: 'forbidden', action: 'PATCH /v1/contacts/:id' });
  });

  it('has who read the exposure ledger, and who read the trail itself', async () => {
    const person = await staff.person();
    await answered(200, staff.admin.get(`/v1/exposure?userId=${person.id}`));
    expect((await entry('exposure.read')).details).toMatchObject({ userId: person.id });
    await answered(200, staff.admin.get(`/v1/audit?actorId=${person.id}&from=2026-01-01T00:00:00Z`));
    const read = await entry('audit.read', ({ details }) => details['actorId'] === person.id);
    expect(read.details).toEqual({ actorId: person.id, type: null, from: '2026-01-01T00:00:00Z', to: null });
  });

  it('has people, roles, and records deleted, by id and without a name', async () => {
    const person = await staff.person({ grants: { contact: { view: 'allowed' } } });
    const { details } = await entry('user.created', ({ details: told }) => told['userId'] === person.id);
    expect(details).toMatchObject({ fields: expect.arrayContaining(['email', 'name']) as unknown, isAdmin: false });
    expect(JSON.stringify(details)).not.toContain(person.email);
    const number = freshNumber();
    const { id } = await made(staff.admin.post('/v1/contacts', { name: unique('Contact'), phones: [{ number }] }));
    await answered(200, staff.admin.delete(`/v1/contacts/${id}`));
    expect((await entry('contact.deleted')).details).toEqual({ contactId: id });
  });

  it('is filtered, paged newest first, and refuses what it does not know', async () => {
    const all = await everyRow<Entry>(staff.admin, '/v1/audit', 7);
    const times = all.map(({ at }) => at);
    expect(times).toEqual([...times].sort().reverse());
    // Reading it adds to it; what was there is there once.
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    expect(await count('SELECT count(*) FROM read.audit')).toBeGreaterThanOrEqual(all.length);
    const types = new Set((await everyRow<Entry>(staff.admin, '/v1/audit?type=user.created')).map(({ type }) => type));
    expect([...types]).toEqual(['user.created']);
    expect(await answered(200, staff.admin.get(`/v1/audit?to=2020-01-01T00:00:00Z`))).toEqual({ items: [], nextCursor: null });
    for (const [query, told] of [
      ['actor=x', '422 unknown-filter'],
      ['actorId=x', '422 validation-failed'],
      [`type=${encodeURIComponent(freshNumber())}`, '422 validation-failed'],
      ['from=yesterday', '422 validation-failed'],
      ['cursor=x', '422 invalid-cursor'],
    ] as const) {
      expect([query, await outcome(staff.admin.get(`/v1/audit?${query}`))]).toEqual([query, told]);
    }
  });

  it('is proved by a head that anybody can check, and that stands in the file outside', async () => {
    const proof = await persistently(() =>
      staff.admin.get<Json & Record<'head' | 'previousHead' | 'root' | 'publicKey' | 'signature', string>>('/v1/audit/proof'),
    );
    const { number, head, previousHead, root, events, total, sealedAt, signature, publicKey } = proof.body;
    const made = hash('sha256', JSON.stringify(['palisade-seal-1', number, previousHead, root, events, total, sealedAt]), 'hex');
    expect(made).toBe(head);
    expect(verify(null, Buffer.from(head, 'hex'), publicKey, Buffer.from(signature, 'base64'))).toBe(true);
    const lines = readFileSync(join(system.dataDir, 'heads', 'heads.jsonl'), 'utf8')
      .trimEnd()
      .split('\n');
    const line = lines.map((text) => JSON.parse(text) as Json).find((outside) => outside['number'] === number);
    expect(line).toMatchObject({ head, root, signature, total });
  });

  it('covers what happened within a second', async () => {
    await allSealed();
    const { rows } = await database.query<{ seconds: number }>(
      `SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM s.sealed_at - (e.metadata->>'at')::timestamptz))::float AS seconds
       FROM es.seals s CROSS JOIN unnest(s.event_ids) AS sealed(id) JOIN es.events e USING (id) WHERE e.type <> 'AuditRecorded'`,
    );
    expect(rows[0]?.seconds).toBeLessThan(1);
  });

  it('survives kill -9 of core: no entry lost or doubled, the chain whole', async () => {
    const guess = () =>
      new HttpClient(system.gatewayUrl).post('/v1/sessions', { email: `${unique('n')}@palisade.test`, password: 'not the one' });
    for (let round = 0; round < 3; round += 1) {
      const guesses = Promise.allSettled([guess(), guess()]);
      await system.kill('crm-core', round % 2);
      await guesses;
      await system.waitUntilReady();
    }
    await eventually('all entries copied', async () => {
      const missing = `SELECT count(*) FROM access.audit a WHERE NOT EXISTS (SELECT FROM es.events e WHERE e.stream = 'audit-' || a.id)`;
      return (await count(missing)) === 0 ? true : undefined;
    });
    expect(await count(`SELECT count(*) FROM es.events WHERE type = 'AuditRecorded'`)).toBe(
      await count('SELECT count(*) FROM access.audit'),
    );
    expect(
      await count(
        `SELECT count(*) FROM (SELECT FROM es.events WHERE type = 'AuditRecorded' GROUP BY stream HAVING count(*) > 1) d`,
      ),
    ).toBe(0);
    await allSealed();
    expect(await runVerify()).toMatchObject({ code: 0, output: expect.stringContaining('The log is whole.') as unknown });
  });

  // Last: it breaks the log.
  it('shows to npm run verify when somebody changes one byte', async () => {
    await allSealed();
    const { rows } = await database.query<{ id: string; seq: string }>(
      `UPDATE es.events SET data = jsonb_set(data, '{details}', '{"code": "forbiddem"}')
       WHERE id = (SELECT id FROM read.audit WHERE type = 'request.refused' LIMIT 1) RETURNING id, seq::text`,
    );
    const { code, output } = await runVerify();
    expect(code).toBe(1);
    expect(output).toContain(`first: event ${rows[0]?.id} (seq ${rows[0]?.seq}, `);
    expect(output).toContain('was changed');
  });

  it('is told about to administrators when the log is not sealed any more, once', async () => {
    const alarms = (): Promise<Json[]> => everyRow<Json>(staff.admin, '/v1/alerts?type=sealing.stopped');
    expect(await alarms()).toEqual([]);
    // What is outside knows a later seal than the database from now on. A core that begins to lead looks at that.
    await database.query('DELETE FROM es.seals WHERE number = (SELECT max(number) FROM es.seals)');
    await Promise.all([system.kill('crm-core', 0), system.kill('crm-core', 1)]);
    await system.waitUntilReady();
    const [alarm] = await eventually('the alarm', async () => {
      const raised = await alarms();
      return raised.length > 0 ? raised : undefined;
    });
    expect(alarm).toMatchObject({ type: 'sealing.stopped', severity: 'critical', userId: null });
    await system.kill('activity-monitor');
    await eventually('the monitor again', async () => ((await staff.admin.get('/v1/alerts')).status === 200 ? true : undefined));
    expect(await alarms()).toHaveLength(1);
  });
});
