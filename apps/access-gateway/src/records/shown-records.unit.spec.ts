import fc from 'fast-check';
import { isInstant } from '#kernel';
import { cursorKeys } from './list-request.js';
import { shownCard, shownInstant, shownRow, type RecordRow } from './shown-records.js';

/** As PostgreSQL writes a timestamptz in UTC: microseconds without the zeros at their end. */
const written = (ms: number, micros: number): string => {
  const fraction = `${String(ms % 1_000).padStart(3, '0')}${String(micros).padStart(3, '0')}`.replace(/0+$/, '');
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')}${fraction === '' ? '' : `.${fraction}`}+00`;
};
const moments = fc.tuple(
  fc.integer({ min: Date.parse('1970-01-01T00:00:00Z'), max: Date.parse('9999-12-31T23:59:59Z') }),
  fc.constantFrom(0, 1, 10, 120, 456, 999),
);

it('an instant is shown in UTC to the millisecond, cut off and not rounded', () => {
  fc.assert(
    fc.property(moments, ([ms, micros]) => {
      expect(shownInstant(written(ms, micros))).toBe(new Date(ms).toISOString());
    }),
  );
});

it.each([
  ['2026-01-31 12:00:00.5+03', '2026-01-31T09:00:00.500Z'],
  ['2026-01-31 14:30:00+05:30', '2026-01-31T09:00:00.000Z'],
  ['2026-01-31T09:00:00.123Z', '2026-01-31T09:00:00.123Z'],
])('however it is written: %s', (text, shown) => {
  expect(shownInstant(text)).toBe(shown);
});

it('no instant is no answer, and no place to go on from', () => {
  expect(() => shownInstant('infinity')).toThrow(RangeError);
  const sort = { field: 'createdAt', descending: true } as const;
  expect(() => cursorKeys(sort, { value: 'infinity', id: 'an id' })).toThrow(RangeError);
});

it('a cursor keeps the microseconds, as ISO 8601 with a zone, and is no shorter for what has none', () => {
  const sort = { field: 'updatedAt', descending: true } as const;
  for (const [text, kept] of [
    ['2026-01-31 09:00:00.123456+00', '2026-01-31T09:00:00.123456+00:00'],
    ['2026-01-31 09:00:00.12+00', '2026-01-31T09:00:00.120000+00:00'],
    ['2026-01-31 14:30:00+05:30', '2026-01-31T14:30:00.000000+05:30'],
  ] as const) {
    expect(cursorKeys(sort, { value: text, id: 'an id' })).toEqual(['-updatedAt', kept, 'an id']);
    expect(isInstant(kept)).toBe(true);
  }
});

it('a name in a cursor stays as it is', () => {
  expect(cursorKeys({ field: 'name', descending: false }, { value: 'a -05', id: 'an id' })).toEqual(['name', 'a -05', 'an id']);
});

it('a card names the lead that it came with, or nothing; a row has the field in any case', () => {
  const at = '2026-01-31 09:00:00+00';
  const common = { id: 'an id', responsible_id: null, tags: [], created_at: at, updated_at: at, version: 1 };
  const row: RecordRow = { ...common, title: 'a deal', pipeline_id: 'a pipeline', stage_id: 'a stage', lead_id: null };
  expect(shownCard(row, {})).not.toHaveProperty('leadId');
  expect(shownRow(row)).toHaveProperty('leadId', null);
  expect(shownCard({ ...row, lead_id: 'a lead' }, {})).toHaveProperty('leadId', 'a lead');
});
