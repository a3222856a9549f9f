import fc from 'fast-check';
import { changeDealBody, createDealBody, loseDealBody, moveDealBody } from './deal.commands.js';

const ID = 'abcdefab-0000-4000-8000-0000000000ab';
const amountOf = (value: unknown, currency: unknown = 'RUB') => changeDealBody.safeParse({ amount: { value, currency } });

describe('the body of a deal', () => {
  it('needs a title only', () => {
    expect(createDealBody.parse({ title: ' Delivery ' })).toEqual({
      title: 'Delivery',
      amount: null,
      contactIds: [],
      companyId: null,
      note: null,
      tags: [],
      customFields: {},
    });
    expect(changeDealBody.parse({})).toEqual({});
  });

  it('takes pipeline and stage at creation only, and attribution and status never', () => {
    const place = { pipelineId: ID, stageId: ID };
    expect(createDealBody.parse({ title: 'x', ...place })).toMatchObject(place);
    for (const field of [{ pipelineId: ID }, { stageId: ID }, { attribution: {} }, { status: 'won' }, { leadId: ID }]) {
      expect(changeDealBody.safeParse(field).success).toBe(false);
    }
    for (const field of [{ attribution: {} }, { status: 'won' }, { leadId: ID }]) {
      expect(createDealBody.safeParse({ title: 'x', ...field }).success).toBe(false);
    }
  });

  it('names each contact once, in lower case, and at most 50', () => {
    expect(changeDealBody.parse({ contactIds: [ID.toUpperCase(), ID] })).toEqual({ contactIds: [ID] });
    const ids = (count: number) =>
      Array.from({ length: count }, (_, n) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`);
    expect(changeDealBody.safeParse({ contactIds: ids(50) }).success).toBe(true);
    expect(changeDealBody.safeParse({ contactIds: ids(51) }).success).toBe(false);
  });

  it('is moved by a stage alone', () => {
    expect(moveDealBody.parse({ stageId: ID })).toEqual({ stageId: ID });
    expect(moveDealBody.safeParse({}).success).toBe(false);
    expect(moveDealBody.safeParse({ stageId: ID, pipelineId: ID }).success).toBe(false);
  });
});

describe('the reason of a loss', () => {
  it('has 3 to 500 characters', () => {
    expect(loseDealBody.parse({ reason: ' dear ' })).toEqual({ reason: 'dear' });
    for (const body of [{}, { reason: ' no ' }, { reason: 'x'.repeat(501) }, { reason: null }, { reason: 'dear', status: 'won' }])
      expect(loseDealBody.safeParse(body).success).toBe(false);
  });
});

describe('an amount', () => {
  it.each([
    ['0', '0.00'],
    ['1500', '1500.00'],
    ['1500.5', '1500.50'],
    ['999999999999999999.99', '999999999999999999.99'],
  ])('%s is kept as %s', (value, kept) => {
    expect(amountOf(value).data?.amount).toEqual({ value: kept, currency: 'RUB' });
  });

  it.each([
    ['1000000000000000000'],
    ['1.234'],
    ['-1'],
    ['+1'],
    ['01'],
    ['.5'],
    ['1.'],
    ['1e3'],
    ['1 000'],
    ['1,5'],
    [''],
    ['1500\n'],
    [1500],
    [null],
  ])('%j is none', (value) => {
    expect(amountOf(value).success).toBe(false);
  });

  it.each([['rub'], ['RU'], ['RUBL'], ['ZZQ'], [''], [643], [null]])('%j is no currency', (currency) => {
    expect(amountOf('1', currency).success).toBe(false);
  });

  it('keeps every value that fits, to the last digit', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 18n - 1n }), fc.integer({ min: 0, max: 99 }), (whole, cents) => {
        const value = `${whole}.${String(cents).padStart(2, '0')}`;
        expect(amountOf(value).data?.amount?.value).toBe(value);
      }),
    );
  });
});
