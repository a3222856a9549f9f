import { hash } from 'node:crypto';
import { encodingOf, EVENT_ENCODING_SQL, EVENT_TEXTS_SQL, eventHash, placeOf, type EventTexts } from './event-hash.js';
import { SealedLog } from './sealed-log.fixture.js';

let log: SealedLog;
beforeAll(async () => {
  log = await SealedLog.make();
  await log.fill(1);
});
afterAll(() => log.remove());

describe('the encoding of an event', () => {
  it('is the JSON of what it consists of, in order', async () => {
    const { rows } = await log.superuser.query<[string, string, string, string, number, string, number, unknown, unknown]>({
      text: `SELECT ${EVENT_ENCODING_SQL}, e.seq::text, e.id, e.stream, e.version, e.type, e.schema_version, e.data, e.metadata FROM es.events e`,
      rowMode: 'array',
    });
    expect(rows).toHaveLength(12);
    for (const [encoding, seq, id, stream, version, ...rest] of rows) {
      expect(JSON.parse(encoding)).toEqual(['palisade-event-1', Number(seq), id, stream, version, ...rest]);
      expect(placeOf(encoding)).toEqual({ seq, id, stream, version: String(version) });
      expect(eventHash(encoding).toString('hex')).toBe(hash('sha256', encoding));
    }
  });

  it('is the same made here and made there', async () => {
    await log.superuser.query(
      `UPDATE es.events SET stream = E'contact-"\\\\\\n\\x01\\u0436', type = 'Odd"' WHERE seq = (SELECT min(seq) FROM es.events)`,
    );
    const { rows } = await log.superuser.query<[string, ...EventTexts]>({
      text: `SELECT ${EVENT_ENCODING_SQL}, ${EVENT_TEXTS_SQL} FROM es.events e`,
      rowMode: 'array',
    });
    for (const [encoding, ...texts] of rows) expect(encodingOf(texts)).toBe(encoding);
  });
});
