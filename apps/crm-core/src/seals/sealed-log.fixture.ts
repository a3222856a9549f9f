import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { EventStore, exactly, type NewEvent } from '#event-store';
import { Secret } from '#kernel';
import { createLogger, createPool } from '#platform';
import { CONNECT_PATIENTLY, testDatabase, type TestDatabase } from '#testing';
import { HeadsFile } from './heads-file.js';
import { LOG_START, SealStore } from './seal-store.js';
import { Sealer } from './sealer.js';
import { headSigner, type HeadSigner } from './signing-key.js';
import { reportOf } from './verify/report.js';
import { verifyLog, type Verification } from './verify/verification.js';

export interface LoggedRow {
  readonly seq: string;
  readonly tx_id: string;
  readonly id: string;
  readonly stream: string;
  readonly version: number;
}

/** A log on a real database with a sealer and a folder of its own, and a superuser who may do anything to it. */
export class SealedLog {
  private constructor(
    readonly database: TestDatabase,
    readonly pool: pg.Pool,
    readonly folder: string,
    readonly signer: HeadSigner,
    readonly superuser: pg.Client,
  ) {}

  static async make(): Promise<SealedLog> {
    const database = await testDatabase();
    const folder = mkdtempSync(join(tmpdir(), 'palisade-seals-'));
    const superuser = new pg.Client({ connectionString: database.superuserUrl });
    superuser.on('error', () => undefined);
    await superuser.connect();
    const pool = createPool({
      ...{ connectionString: new Secret(database.coreUrl), max: 4, applicationName: 'core', pipeline: true },
      ...CONNECT_PATIENTLY,
    });
    return new SealedLog(database, pool, folder, await headSigner(join(folder, 'keys')), superuser);
  }

  async remove(): Promise<void> {
    await this.superuser.end();
    await this.pool.end();
    await this.database.drop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  get headsPath(): string {
    return join(this.folder, 'heads', 'heads.jsonl');
  }

  get store(): SealStore {
    return new SealStore(this.pool);
  }

  sealer(file = this.headsPath): Sealer {
    const logger = createLogger({ service: 'crm-core', instance: 'test', level: 'fatal' });
    const config = { databaseUrl: new Secret(this.database.coreUrl) };
    return new Sealer({
      config,
      store: this.store,
      signer: this.signer,
      file: new HeadsFile(file),
      now: () => new Date(),
      logger,
    });
  }

  /** Appends events to one stream, in one transaction. */
  async append(stream: string, from: number, count: number): Promise<void> {
    const events = Array.from({ length: count }, (_, index) => newEvent(from + index));
    await new EventStore(this.pool).append({ streams: [{ stream, expected: exactly(from), events }] });
  }

  /** `seals` seals of 12 events each, four of each of three streams. */
  async fill(seals: number): Promise<void> {
    const sealer = this.sealer();
    const streams = [0, 1, 2].map(() => `contact-${randomUUID()}`);
    for (let round = 0; round < seals; round += 1) {
      for (const stream of streams) await this.append(stream, round * 4, 4);
      await this.#allVisible(12);
      await allSealed(sealer);
    }
  }

  /** Waits until so many events can be sealed at once: a transaction of any database of the server may hold back a part of them. */
  async #allVisible(count: number): Promise<void> {
    const last = (await this.store.last())?.last ?? LOG_START;
    for (const end = Date.now() + 20_000; (await this.store.eventsAfter(last, count)).length < count;)
      if (Date.now() > end) throw new Error('the events were held back for 20 s');
  }

  /** All events in commit order. */
  async events(): Promise<LoggedRow[]> {
    const text = 'SELECT seq::text, tx_id::text, id, stream, version FROM es.events e ORDER BY e.tx_id, e.seq';
    return (await this.superuser.query<LoggedRow>(text)).rows;
  }

  async verify(headsPath = this.headsPath): Promise<Verification & { readonly text: string; readonly isWhole: boolean }> {
    const client = new pg.Client({ connectionString: this.database.coreUrl });
    await client.connect();
    try {
      const verification = await verifyLog(client, headsPath, this.signer);
      const { lines, isWhole } = reportOf(verification);
      return { ...verification, isWhole, text: lines.join('\n') };
    } finally {
      await client.end();
    }
  }
}

/** Steps until everything is sealed, in as many seals as it takes: another test's open transaction may hold the gate for a moment. */
export async function allSealed(sealer: Sealer): Promise<void> {
  for (const end = Date.now() + 20_000; ;) {
    if ((await sealer.step()) === 0 && !(await sealer.isBehind())) return;
    if (Date.now() > end) throw new Error('the log was not sealed within 20 s');
  }
}

function newEvent(n: number): NewEvent {
  const none = { sessionId: null, tokenId: null, causationId: null };
  const metadata = { actorId: randomUUID(), ip: '192.0.2.7', ...none, commandId: randomUUID(), correlationId: randomUUID() };
  const data = { n, 'ключ "\\': ['Имя', 1.5, null, '\u{1F600}'], price: 1000000000000 };
  return {
    id: randomUUID(),
    type: 'ContactChanged',
    schemaVersion: 1,
    data,
    metadata: { ...metadata, at: '2026-01-01T00:00:00.000Z' },
  };
}
