import { inspect } from 'node:util';
import fc from 'fast-check';
import { DomainError, Secret } from '#kernel';
import {
  emailValue,
  lookupForm,
  maskPoint,
  mergePoints,
  phoneValue,
  receivedPoint,
  type ContactPoint,
  type PointInput,
} from './contact-point.js';
import { personalText } from './personal-text.js';

const refusal = (code: string) => expect.objectContaining({ name: 'DomainError', code });
const refusedBy = (run: () => unknown): DomainError => {
  try {
    run();
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
  throw new Error('it was not refused');
};
/** Everything of a refusal that could reach a log or an answer. */
const everythingOf = (error: DomainError): string =>
  [error.message, JSON.stringify(error.options), String(error), inspect(error, { depth: 10 })].join('\n');

const phone = (id: string, value: string, more: Partial<ContactPoint> = {}): ContactPoint => ({
  id,
  kind: 'phone',
  form: 'normal',
  value: new Secret(value),
  label: null,
  unverified: false,
  ...more,
});
const added = (id: string, text: string, more: Partial<PointInput> = {}): PointInput => ({
  id,
  isNew: true,
  value: phoneValue(text, 'RU', 'phones.0.number'),
  ...more,
});
const kept = (id: string, more: Partial<PointInput> = {}): PointInput => ({ id, isNew: false, ...more });
const merge = (present: readonly ContactPoint[], ...inputs: readonly PointInput[]) =>
  mergePoints('phone', present, inputs, 'phones');
const shown = (points: readonly ContactPoint[]) => points.map(({ id, value }) => [id, value.expose()]);

describe('one number', () => {
  it.each([
    ['8 (916) 123-45-67', '+79161234567'],
    ['+7 916 123 45 67 доб. 12', '+79161234567;ext=12'],
    ['+44 20 7946 0018', '+442079460018'],
  ])('%s is kept in E.164 form', (text, stored) => {
    expect(phoneValue(text, 'RU', 'phones.0.number').expose()).toBe(stored);
  });

  it.each([
    ['masked-value', '+7 *** ***-**-67'],
    ['masked-value', '8 916 •••-45-67'],
    ['invalid-phone', '916123456'],
    ['invalid-phone', 'ask at the desk'],
    ['invalid-phone', ''],
    ['invalid-phone', '+7 916 123-45-67, +7 916 123-45-68'],
  ])('%s for what is not one complete number, naming the field', (code, text) => {
    const error = refusedBy(() => phoneValue(text, 'RU', 'phones.3.number'));
    expect(error.code).toBe(code);
    expect(error.options.errors).toEqual([expect.objectContaining({ path: 'phones.3.number', code })]);
  });
});

describe('one address', () => {
  it('is kept with its domain in lower case', () => {
    expect(emailValue(' Ivan@EXAMPLE.ru ', 'emails.0.address').expose()).toBe('Ivan@example.ru');
  });

  it.each([
    ['masked-value', 'i***@m***.ru'],
    ['invalid-email', 'ivan@'],
    ['invalid-email', ''],
  ])('%s otherwise, naming the field', (code, text) => {
    const error = refusedBy(() => emailValue(text, 'emails.1.address'));
    expect(error.code).toBe(code);
    expect(error.options.errors).toEqual([expect.objectContaining({ path: 'emails.1.address', code })]);
  });
});

describe('no refusal carries the value', () => {
  const digits = fc.stringMatching(/^[0-9]{4,18}$/);

  it('of a number', () => {
    fc.assert(
      fc.property(digits, fc.constantFrom('*', '•', ' x', '@', ''), (planted, suffix) => {
        // Too long to be a number, or masked: refused whatever the digits are.
        const text = `${planted}${suffix}${'0'.repeat(20)}`;
        const error = refusedBy(() => phoneValue(text, 'RU', 'phones.0.number'));
        expect(everythingOf(error).replace(/:\d+:\d+\)?$/gm, '')).not.toContain(planted);
      }),
    );
  });

  it('of an address', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{9,15}$/), fc.constantFrom('@', '@@a.ru', '', '*@a.ru', '@a'), (planted, suffix) => {
        const error = refusedBy(() => emailValue(`${planted}${suffix}`, 'emails.0.address'));
        expect(everythingOf(error)).not.toContain(planted);
      }),
    );
  });

  it('of the point that an unknown id would have got', () => {
    const error = refusedBy(() => merge([], { ...added('p1', '+79161234567'), isNew: false }));
    expect(everythingOf(error)).not.toContain('9161234567');
  });
});

describe('the new list', () => {
  const present = [phone('p1', '+79161234567', { label: personalText('Work', 'RU') }), phone('p2', '+79161234568')];

  it('adds what is new, after its own order', () => {
    expect(shown(merge(present, kept('p2'), added('p3', '8 916 555-01-23'), kept('p1')))).toEqual([
      ['p2', '+79161234568'],
      ['p3', '+79165550123'],
      ['p1', '+79161234567'],
    ]);
  });

  it('drops what is left out, all of it for an empty list', () => {
    expect(shown(merge(present, kept('p2')))).toEqual([['p2', '+79161234568']]);
    expect(merge(present)).toEqual([]);
  });

  it('keeps number and label of an id alone', () => {
    expect(merge(present, kept('p1'), kept('p2'))).toEqual(present);
  });

  it('changes the label and keeps the number; null empties the label', () => {
    const [relabelled] = merge(present, kept('p1', { label: personalText('Home', 'RU') }));
    expect([relabelled?.label?.expose().text, relabelled?.value.expose()]).toEqual(['Home', '+79161234567']);
    expect(merge(present, kept('p1', { label: null }))[0]?.label).toBeNull();
  });

  it('changes the number and keeps id and label; a raw, unverified one becomes normal', () => {
    const raw = phone('p1', 'ask at the desk', { form: 'raw', unverified: true, label: personalText('Work', 'RU') });
    const [changed] = merge([raw], kept('p1', { value: new Secret('+79165550123') }));
    expect(changed).toMatchObject({ id: 'p1', form: 'normal', unverified: false });
    expect([changed?.value.expose(), changed?.label?.expose().text]).toEqual(['+79165550123', 'Work']);
  });

  it('refuses an id that the record has not, with or without a number', () => {
    expect(() => merge(present, kept('p9'))).toThrow(refusal('unknown-reference'));
    expect(() => merge(present, kept('p9', { value: new Secret('+79165550123') }))).toThrow(refusal('unknown-reference'));
    expect(refusedBy(() => merge(present, kept('p1'), kept('p9'))).options.errors?.[0]?.path).toBe('phones.1.id');
  });

  it('refuses the same entry twice', () => {
    expect(() => merge(present, kept('p1'), kept('p1'))).toThrow(refusal('validation-failed'));
  });

  it('given back as it is, changes nothing', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.uuid(), { maxLength: 8 }), (ids) => {
        const points = ids.map((id) => phone(id, '+79161234567'));
        expect(merge(points, ...ids.map((id) => kept(id)))).toEqual(points);
      }),
    );
  });
});

describe('what is shown and what is looked up', () => {
  it('masks numbers and addresses, and raw and erased ones whole', () => {
    expect(maskPoint(phone('p', '+79161234567;ext=12'))).toBe('+7 *** ***-**-67');
    expect(maskPoint(phone('p', 'ivan@mail.ru', { kind: 'email' }))).toBe('i***@m***.ru');
    expect(maskPoint(phone('p', '916 123', { form: 'raw' }))).toBe('***');
    expect(maskPoint(phone('p', 'ivan@', { kind: 'email', form: 'raw' }))).toBe('***');
    expect(maskPoint(phone('p', '', { value: Secret.erased() }))).toBe('***');
  });

  it('looks up by the number without its extension and by the address in lower case; raw and erased never', () => {
    expect(lookupForm(phone('p', '+79161234567;ext=12'))).toBe('+79161234567');
    expect(lookupForm(phone('p', 'Ivan@mail.ru', { kind: 'email' }))).toBe('ivan@mail.ru');
    expect(lookupForm(phone('p', '916 123', { form: 'raw' }))).toBeNull();
    expect(lookupForm(phone('p', '', { value: Secret.erased() }))).toBeNull();
  });
});

describe('a point that intake received', () => {
  it('is kept whatever it is, unverified, unless it is a mask or nothing', () => {
    expect(receivedPoint('phone', 'p', '8 916 123-45-67', 'RU')).toMatchObject({ form: 'normal', unverified: true });
    expect(receivedPoint('phone', 'p', 'ask at the desk', 'RU')).toMatchObject({ form: 'raw', unverified: true });
    expect(receivedPoint('email', 'p', 'ivan at mail', 'RU')).toMatchObject({ form: 'raw', unverified: true });
    expect(receivedPoint('phone', 'p', '+7 *** ***-**-67', 'RU')).toBeUndefined();
    expect(receivedPoint('email', 'p', 'i***@m***.ru', 'RU')).toBeUndefined();
    expect(receivedPoint('phone', 'p', '  ', 'RU')).toBeUndefined();
  });
});
