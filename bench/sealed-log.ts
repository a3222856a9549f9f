import { randomBytes } from 'node:crypto';
import { finished } from 'node:stream/promises';
import { Client } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { v7 as uuidv7 } from 'uuid';
import { Secret } from '#kernel';
import { newDataKey, sealSecrets, type KeyWrapper } from '#privacy';
import { keyWrapper } from '../apps/crm-core/src/log/key-encryption-key.js';

/** Events of one COPY. */
const EVENTS_A_COPY = 20_000;
/** Of ten records: contacts, deals, the rest companies. */
const CONTACTS = 6;
const DEALS = 3;
/** Events of one record: made, given to somebody, and changed. */
const EVENTS_A_RECORD = 4;

const text = (value: string): Secret<{ text: string; masked: string }> => new Secret({ text: value, masked: value });
const AT = '2026-01-01T00:00:00.000Z';

interface SealedLog {
  readonly events: number;
  /** Base64, for PALISADE_KEK. */
  readonly kek: string;
}

/**
 * Fills an empty log with so many events of contacts, deals and companies, sealed as core seals them, by COPY: appends would take
 * minutes. Nothing is projected.
 */
export async function makeSealedLog(databaseUrl: string, events: number, progress: (text: string) => void): Promise<SealedLog> {
  const kek = randomBytes(32).toString('base64');
  const wrapper = keyWrapper({ kek: new Secret(kek), keyDir: '' });
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query('SET statement_timeout = 0; SET transaction_timeout = 0');
    let seq = 0;
    while (seq < events) {
      const [keys, lines] = [[] as string[], [] as string[]];
      for (const end = Math.min(events, seq + EVENTS_A_COPY); seq < end;) {
        const record = new RecordLines(wrapper, Math.floor(seq / EVENTS_A_RECORD));
        keys.push(record.key);
        for (const line of record.events().slice(0, end - seq)) lines.push(`${++seq}\t${line}`);
      }
      await copy(client, 'vault.keys (owner, wrapped)', keys);
      await copy(client, 'es.events (seq, tx_id, id, stream, version, type, schema_version, data, metadata)', lines);
      progress(`a log of ${events} events: ${seq}`);
    }
    await client.query(`SELECT setval('es.events_seq', $1)`, [events]);
    await client.query('VACUUM (ANALYZE) es.events');
    await client.query('VACUUM (ANALYZE) vault.keys');
  } finally {
    await client.end();
  }
  return { events, kek };
}

async function copy(client: Client, target: string, lines: readonly string[]): Promise<void> {
  const stream = client.query(copyFrom(`COPY ${target} FROM STDIN`));
  stream.end(lines.join(''));
  await finished(stream);
}

/** The lines of one record. */
class RecordLines {
  readonly #kind: 'contact' | 'deal' | 'company';
  readonly #stream: string;
  readonly #dataKey = newDataKey();

  constructor(
    private readonly wrapper: KeyWrapper,
    private readonly serial: number,
  ) {
    const turn = serial % 10;
    this.#kind = turn < CONTACTS ? 'contact' : turn < CONTACTS + DEALS ? 'deal' : 'company';
    this.#stream = `${this.#kind}-${uuidv7()}`;
  }

  get key(): string {
    return `${this.#stream}\t\\\\x${this.wrapper.wrap(this.#dataKey, this.#stream).toString('hex')}\n`;
  }

  events(): readonly string[] {
    const kind = `${(this.#kind[0] ?? '').toUpperCase()}${this.#kind.slice(1)}`;
    return [
      this.#line(1, `${kind}Created`, { ...this.#fields(), responsibleId: uuidv7(), leadId: null }),
      this.#line(2, `${kind}Assigned`, { responsibleId: uuidv7() }),
      this.#line(3, `${kind}Changed`, { note: text(`спросил о цене, перезвонить, ${this.serial}`) }),
      this.#line(4, `${kind}Changed`, { tags: [text('постоянный'), text('опт')] }),
    ];
  }

  #fields(): object {
    const common = { note: null, tags: [text('bench')] };
    if (this.#kind === 'deal') {
      const place = { pipelineId: uuidv7(), stageId: uuidv7(), attribution: null };
      const amount = { value: `${this.serial}.00`, currency: 'RUB' };
      return { ...common, ...place, title: text(`Сделка ${this.serial}`), amount, contactIds: [uuidv7()], companyId: null };
    }
    const digits = String(this.serial % 10_000_000).padStart(7, '0');
    const point = (of: 'phone' | 'email', value: string): object => ({
      ...{ id: uuidv7(), kind: of, form: 'normal', value: new Secret(value), label: text('work'), unverified: false },
    });
    const points = { phones: [point('phone', `+7916${digits}`)], emails: [point('email', `p${digits}@example.test`)] };
    const own = this.#kind === 'contact' ? { companyId: null } : { website: text('https://example.test'), address: null };
    return { ...common, ...points, ...own, name: text(`Иван Петров ${this.serial}`) };
  }

  #line(version: number, type: string, data: object): string {
    const id = uuidv7();
    const sealed = JSON.stringify(sealSecrets(data, this.#dataKey, `${this.#stream}|${id}`));
    const [commandId, correlationId, actorId] = [uuidv7(), uuidv7(), uuidv7()];
    const metadata = JSON.stringify({
      ...{ at: AT, ip: '192.0.2.1', actorId, tokenId: null, commandId, sessionId: uuidv7(), causationId: null, correlationId },
    });
    // An old transaction id: the log was committed long ago. JSON of ours has no backslash, tab or line break.
    return `3\t${id}\t${this.#stream}\t${version}\t${type}\t1\t${sealed}\t${metadata}\n`;
  }
}
