import { DomainError } from '#kernel';
import { completeNumber } from './complete-number.js';

const refusal = (text: string): DomainError => {
  try {
    completeNumber(text, 'RU');
  } catch (error) {
    if (error instanceof DomainError) return error;
  }
  throw new Error('not refused');
};

describe('a number to look up', () => {
  it.each(['+7 916 123-45-67', '8 (916) 123-45-67', '89161234567', '916.123.45.67', 'tel:+79161234567', '+79161234567 доб. 12'])(
    'is one number in any spelling, without an extension (%#)',
    (text) => expect(completeNumber(text, 'RU').expose()).toBe('+79161234567'),
  );

  it.each([
    ...['', ' ', '+7916123456', '1234567', '+7916123456700', '112', 'звоните', '+7%', '%', '+7916_______'],
    '+79161234567, +79161234568',
  ])('is whole, and one (%#)', (text) => {
    const error = refusal(text);
    expect(error.code).toBe('incomplete-number');
    if (text.trim() !== '') expect(JSON.stringify([error.message, error.options])).not.toContain(text);
  });

  it('is no mask', () => expect(refusal('+7 *** ***-**-67').code).toBe('masked-value'));
});
