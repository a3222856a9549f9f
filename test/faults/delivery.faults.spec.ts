import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import pg from 'pg';
import { HttpClient, startSystem, type HttpAnswer, type System } from '#testing';
import { answered, eventually, freshNumber, made, Staff, unique, type Json, type Made } from '../journeys/staff.js';

const WRITERS = 4;

describe('what is committed reaches the broker', () => {
  let system: System;
  let staff: Staff;
  let database: pg.Client;
  let formKey: string;

  beforeAll(async () => {
    system = await startSystem();
    staff = await Staff.of(system);
    formKey = String((await made(staff.admin.post('/v1/forms', { name: 'Site', quarantineAfter: null })))['key']);
    await openDatabase();
  }, 100_000);
  afterAll(async () => {
    await database?.end().catch(() => undefined);
    await system?.stop();
  });

  async function openDatabase(): Promise<void> {
    await database?.end().catch(() => undefined);
    database = new pg.Client({ connectionString: system.connections.database.superuser });
    database.on('error', () => undefined);
    await database.connect();
  }
  const logged = async (): Promise<string[]> =>
    (await database.query<{ id: string }>('SELECT id FROM es.events ORDER BY tx_id, seq')).rows.map(({ id }) => id);

  async function onBroker<T>(work: (manager: JetStreamManager) => Promise<T>): Promise<T> {
    const { url, users } = system.connections.nats;
    let connection: NatsConnection | undefined;
    try {
      connection = await connect({ servers: url, user: users.core.user, pass: users.core.password, inboxPrefix: '_INBOX_core' });
      return await work(await jetstreamManager(connection));
    } finally {
      await connection?.close();
    }
  }
  /** The ids of all messages of a stream, in its order. */
  const published = (name: string): Promise<string[]> =>
    onBroker(async (manager) => {
      const { state } = await manager.streams.info(name);
      const ids: string[] = [];
      for (let seq = state.first_seq; seq <= state.last_seq; seq += 1) {
        const message = await manager.streams.getMessage(name, { seq }).catch(() => null);
        if (message !== null) ids.push(message.header.get('Nats-Msg-Id'));
      }
      return ids;
    });
  const countIn = (name: string): Promise<number> =>
    onBroker(async (manager) => (await manager.streams.info(name)).state.messages);

  /** The stream CRM is the log: every event once, in the order of the commits. */
  async function expectWholeStream(): Promise<void> {
    const log = await logged();
    await eventually(
      'the relay to catch up',
      async () => ((await countIn('CRM').catch(() => 0)) >= log.length ? true : undefined),
      60_000,
    );
    expect(await published('CRM')).toEqual(log);
  }

  const isOpen = (answer: HttpAnswer<unknown> | undefined): boolean =>
    answer === undefined || answer.status === 503 || answer.text.includes('idempotency-in-progress');
  const settled = <Body>(ask: () => Promise<HttpAnswer<Body>>): Promise<HttpAnswer<Body>> =>
    eventually(
      'an answer',
      async () => {
        const answer = await ask().catch(() => undefined);
        return isOpen(answer) ? undefined : answer;
      },
      60_000,
    );

  it('once each and in the order of the commits, over kills of broker, core and database', async () => {
    const ingest = new HttpClient(system.ingestUrl);
    const [ids, leads]: [string[], string[]] = [[], []];
    let isOver = false;
    const write = async (): Promise<void> => {
      for (let n = 0; !isOver; n += 1) {
        const headers = { 'idempotency-key': unique('key') };
        const request = { body: { name: 'Name', phones: [{ number: freshNumber() }] }, headers, timeoutMs: 3_000 };
        ids.push(
          (
            await answered(
              201,
              settled(() => staff.admin.request<Made>('POST', '/v1/contacts', request)),
            )
          ).id,
        );
        if (n % 5 !== 0) continue;
        const lead = { body: { name: 'Lead', phone: freshNumber() }, headers, timeoutMs: 3_000 };
        const path = `/v1/forms/${formKey}/leads`;
        leads.push(
          (
            await answered(
              202,
              settled(() => ingest.request<{ leadId: string }>('POST', path, lead)),
            )
          ).leadId,
        );
      }
    };
    const writers = Promise.all(Array.from({ length: WRITERS }, write));
    for (const part of ['nats', 'crm-core', 'postgres', 'nats', 'crm-core', 'nats'] as const) {
      const goal = ids.length + 15;
      await eventually('writes to go on', () => Promise.resolve(ids.length >= goal ? true : undefined), 60_000);
      await system.kill(part);
      await system.waitUntilReady(20_000);
    }
    isOver = true;
    await writers;
    await openDatabase();
    await eventually(
      'every lead to be a deal',
      async () => {
        const { rows } = await database.query('SELECT 1 FROM read.deals WHERE lead_id = ANY($1::uuid[])', [leads]);
        return rows.length === leads.length ? true : undefined;
      },
      60_000,
    );
    expect(leads.length).toBeGreaterThan(10);
    await expectWholeStream();
  }, 240_000);

  it('where a lead is gone once core has it', async () => {
    expect(await eventually('no leads to be left', async () => ((await countIn('LEADS')) === 0 ? 0 : undefined), 30_000)).toBe(0);
  });

  it('also when the broker lost everything it had', async () => {
    const before = await database.query<Json>('SELECT id FROM read.contacts LIMIT 12');
    const open = async (from: number): Promise<void> => {
      for (const { id } of before.rows.slice(from, from + 4))
        await answered(
          200,
          settled(() => staff.admin.get<Json>(`/v1/contacts/${String(id)}`)),
        );
    };
    await open(0);
    const pidOf = (service: string): number => Number(system.run().find((entry) => entry.service === service)?.pid);
    process.kill(pidOf('activity-monitor'), 'SIGSTOP');
    // These go to the stream and out of the outbox, and the monitor never reads them there.
    await open(4);
    await eventually('the outbox to be empty', async () => {
      const { rows } = await database.query('SELECT 1 FROM watch.outbox LIMIT 1');
      return rows.length === 0 ? true : undefined;
    });
    // Stopped first, so that nobody starts it again before its folder is gone.
    process.kill(pidOf('nats'), 'SIGSTOP');
    rmSync(join(system.dataDir, 'nats', 'jetstream'), { recursive: true });
    await system.kill('nats');
    expect(await differences()).toBeGreaterThan(0);
    // Killed, for what its connection had brought already would be read yet.
    await system.kill('activity-monitor');
    await open(8);
    await made(settled(() => staff.admin.post<Json>('/v1/contacts', { name: 'After' })));
    await expectWholeStream();
    // What only the wiped stream had comes from the disclosure log, at the next self-check.
    await eventually(
      'windows and ledger to be as the disclosure log',
      async () => ((await differences()) === 0 ? true : undefined),
      120_000,
    );
  }, 240_000);

  /** Rows that the monitor has and the disclosure log does not give, or the other way round. */
  async function differences(): Promise<number> {
    const { rows } = await database.query<{ count: number }>(
      `WITH shown AS (SELECT d.id, s AS subject FROM watch.disclosures d, unnest(d.subject_ids) AS s),
            ledger AS (SELECT e.disclosure_id, e.subject_id FROM monitor.exposure e),
            given AS (SELECT user_id, measure, sum(amount)::bigint FROM watch.disclosures GROUP BY 1, 2),
            folded AS (SELECT user_id, measure, sum(opens)::bigint FROM monitor.windows
                       WHERE "window" = 'day' AND measure <> 'card.opened' GROUP BY 1, 2)
       SELECT (SELECT count(*) FROM ((TABLE shown EXCEPT TABLE ledger) UNION ALL (TABLE ledger EXCEPT TABLE shown)) AS a)::int
            + (SELECT count(*) FROM ((TABLE given EXCEPT TABLE folded) UNION ALL (TABLE folded EXCEPT TABLE given)) AS b)::int AS count`,
    );
    return rows[0]?.count ?? -1;
  }
});
