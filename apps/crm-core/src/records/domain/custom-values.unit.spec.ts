import fc from 'fast-check';
import { DomainError, Secret } from '#kernel';
import { isMasked, parsePhone } from '#privacy';
import { filledValues, readCustomValues, shownValues, type KnownField } from './custom-values.js';
import { unchanged, withoutCustomFields } from './record.upcasters.js';

const idOf = (n: number): string => `00000000-0000-4000-8000-00000000000${n}`;
const FIELDS: readonly KnownField[] = (
  [
    ['Text', 'text', null],
    ['Number', 'number', null],
    ['Date', 'date', null],
    ['Boolean', 'boolean', null],
    ['Choice', 'choice', ['Fair', 'Web']],
    ['Phone', 'phone', null],
  ] as const
).map(([name, type, choices], index) => ({ id: idOf(index), name, type, choices }));
const [TEXT, NUMBER, DATE, BOOLEAN, CHOICE, PHONE] = FIELDS.map(({ id }) => id) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const read = (sent: Readonly<Record<string, unknown>>) => readCustomValues(sent, FIELDS, 'RU');
const shown = (sent: Readonly<Record<string, unknown>>) => shownValues(read(sent));
const refusalOf = (sent: Readonly<Record<string, unknown>>): DomainError => {
  try {
    read(sent);
  } catch (error) {
    if (error instanceof DomainError) return error;
  }
  throw new Error('it was not refused');
};

describe('values of custom fields', () => {
  it('are taken by id, in any case, or by name, and shown by id, masked', () => {
    expect(
      shown({
        Text: 'Call 8 916 123-45-67',
        [NUMBER.toUpperCase()]: 12.5,
        [DATE]: '2028-02-29',
        [BOOLEAN]: false,
        Choice: 'Web',
        [PHONE]: '8 (916) 123-45-67',
      }),
    ).toEqual({
      [TEXT]: 'Call +7 *** ***-**-67',
      [NUMBER]: 12.5,
      [DATE]: '2028-02-29',
      [BOOLEAN]: false,
      [CHOICE]: 'Web',
      [PHONE]: { masked: '+7 *** ***-**-67' },
    });
  });

  it('are kept as they were, a phone in E.164', () => {
    const { [TEXT]: text, [PHONE]: phone } = read({ [TEXT]: 'Call 8 916 123-45-67', [PHONE]: '8 916 123-45-67' });
    expect(text?.expose()).toMatchObject({ type: 'text', value: 'Call 8 916 123-45-67' });
    expect(phone?.expose()).toEqual({ type: 'phone', value: '+79161234567' });
  });

  it('are emptied by null, a text also by blanks', () => {
    const nulls = Object.fromEntries(FIELDS.map(({ id }) => [id, null]));
    expect(read(nulls)).toEqual(nulls);
    expect(read({ [TEXT]: '  ' })).toEqual({ [TEXT]: null });
    expect(filledValues(read(nulls))).toEqual({});
  });

  it('that were erased are not there', () => {
    expect(shownValues({ [TEXT]: Secret.erased(), [NUMBER]: null })).toEqual({ [NUMBER]: null });
  });

  it.each<[string, unknown]>([
    [TEXT, 5],
    [TEXT, 'x'.repeat(1_001)],
    [TEXT, { masked: 'x' }],
    [NUMBER, '5'],
    [NUMBER, Number.NaN],
    [NUMBER, Number.POSITIVE_INFINITY],
    [NUMBER, 79161234567],
    [DATE, '2027-02-29'],
    [DATE, '2027-2-1'],
    [DATE, '2027-13-01'],
    [DATE, '0000-01-01'],
    [DATE, 20270101],
    [BOOLEAN, 'true'],
    [BOOLEAN, 1],
    [CHOICE, 'web'],
    [CHOICE, ['Web']],
    [PHONE, 79161234567],
    [PHONE, { masked: '+7 *** ***-**-67' }],
  ])('%s takes no %j', (id, value) => {
    const { code, options } = refusalOf({ [id]: value });
    expect([code, options.errors?.[0]?.path]).toEqual(['validation-failed', `customFields.${id}`]);
  });

  it.each([
    ['12', 'invalid-phone'],
    ['+7 000 000-00-00', 'invalid-phone'],
    ['+7 *** ***-**-67', 'masked-value'],
    ['8916•••4567', 'masked-value'],
  ])('a phone is one complete number, and never a mask: %s', (text, code) => {
    expect(refusalOf({ [PHONE]: text })).toMatchObject({ code, options: { errors: [{ path: `customFields.${PHONE}` }] } });
  });

  it('of one field come once, and of no unknown one', () => {
    expect(refusalOf({ [TEXT]: 'a', Text: 'b' }).code).toBe('validation-failed');
    expect(refusalOf({ text: 'a' }).options.errors).toEqual([
      { path: 'customFields', code: 'validation-failed', message: 'Unknown field' },
    ]);
    for (const key of ['__proto__', 'TEXT', ' Text', 'constructor', 'toString', '']) {
      expect(refusalOf(JSON.parse(JSON.stringify({ [`${key}`]: 1, x: 1 })) as Record<string, unknown>).code).toBe(
        'validation-failed',
      );
    }
  });

  it('are in no refusal', () => {
    const planted = fc.stringMatching(/^[0-9]{8,12}$/);
    fc.assert(
      fc.property(planted, fc.constantFrom(...FIELDS.map(({ id }) => id), 'key'), (text, id) => {
        const sent = { [id === 'key' ? text : id]: [text] };
        const { code, message, options } = refusalOf(sent);
        expect(JSON.stringify([code, message, options]).replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '')).not.toContain(text);
      }),
    );
  });

  it('show no number that was given', () => {
    const numbers = fc.stringMatching(/^\+79[0-9]{9}$/).filter((text) => parsePhone(text, 'RU').ok);
    fc.assert(
      fc.property(numbers, (number) => {
        const values = shown({ [TEXT]: `call ${number}`, [PHONE]: number });
        expect(JSON.stringify(values)).not.toContain(number.slice(-10));
        expect(isMasked(JSON.stringify(values[PHONE]))).toBe(true);
      }),
    );
  });
});

describe('records of before custom fields', () => {
  const metadata = {} as Parameters<typeof unchanged>[1];

  it('have none, and their changes are as they were', () => {
    expect(withoutCustomFields({ name: 'x' }, metadata)).toEqual({ name: 'x', customFields: {} });
    expect(unchanged({ note: null }, metadata)).toEqual({ note: null });
  });
});
