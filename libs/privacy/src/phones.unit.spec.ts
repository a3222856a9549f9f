import fc from 'fast-check';
import examples from 'libphonenumber-js/examples.mobile.json';
import { getExampleNumber, type CountryCode } from 'libphonenumber-js/max';
import { isMasked, maskContactNumber, maskPhone, normalisePhone, parsePhone, splitStored } from './index.js';
import { formatStored } from './phones.js';

const COUNTRIES: readonly CountryCode[] = ['RU', 'KZ', 'BY', 'UA', 'UZ', 'AM', 'GE', 'DE', 'FR', 'GB', 'IT', 'ES', 'PT', 'PL', 'CZ', 'FI', 'SE', 'NO', 'DK', 'US', 'CA', 'MX', 'BR', 'AR', 'CL', 'IN', 'CN', 'JP', 'AU', 'TR', 'IL', 'AE', 'ZA']; // prettier-ignore
const MASK = /^\+\d{1,3} \*{3} \*{3}-\*{2}-\d{2}$/;
const subscriber = fc.integer({ min: 0, max: 9_999_999 }).map((number) => String(number).padStart(7, '0'));

describe('parsePhone', () => {
  it.each([
    ['8 916 123-45-67', '+79161234567', undefined],
    ['8(916)1234567', '+79161234567', undefined],
    ['9161234567', '+79161234567', undefined],
    ['00 7 916 123 45 67', '+79161234567', undefined],
    ['８９１６１２３４５６７', '+79161234567', undefined],
    ['٨٩١٦١٢٣٤٥٦٧', '+79161234567', undefined],
    ['891\u200b61234567', '+79161234567', undefined],
    ['tel:+7-916-123-45-67;ext=12', '+79161234567', '12'],
    ['+7 916 123-45-67 доб. 12', '+79161234567', '12'],
    ['+44 (0)20 7707 0707', '+442077070707', undefined],
  ])('reads %s in RU', (text, e164, extension) => {
    expect(parsePhone(text, 'RU')).toMatchObject({ ok: true, e164, ...(extension === undefined ? {} : { extension }) });
  });

  it.each([
    ['+7 *** ***-**-67', 'masked'],
    ['+7 ••• •••-••-67', 'masked'],
    ['+7 495 123-45-67, +7 916 123 45 67', 'several'],
    ['8 916 123 45 67 или 8 926 765 43 21', 'several'],
    ['+7 495 123-45-67, 1234567', 'several'],
    ['112', 'invalid'],
    ['', 'invalid'],
    ['8 (916) 123-45-67 Иван', 'invalid'],
    ['9'.repeat(5000), 'invalid'],
  ])('refuses %s', (text, reason) => {
    expect(parsePhone(text, 'RU')).toEqual({ ok: false, reason });
  });

  it('reads international numbers without a known region, and no others', () => {
    expect(parsePhone('+7 916 123 45 67', 'XX').ok).toBe(true);
    expect(parsePhone('8 916 123 45 67', 'XX').ok).toBe(false);
  });

  it('reads its own result as the same number', () => {
    fc.assert(
      fc.property(subscriber, fc.option(fc.integer({ min: 1, max: 999_999 })), (digits, extension) => {
        const first = normalisePhone(`8 916 ${digits}${extension === null ? '' : ` доб. ${extension}`}`, 'RU', {
          keepRaw: false,
        });
        if (!first.ok) throw new Error('a mobile number was refused');
        expect(normalisePhone(first.number.value, 'RU', { keepRaw: false })).toEqual(first);
        const { e164, extension: kept } = splitStored(first.number.value);
        expect(formatStored(e164, kept)).toBe(first.number.value);
      }),
    );
  });
});

describe('normalisePhone', () => {
  it('keeps what does not parse as raw where that is wanted, and a masked text nowhere', () => {
    expect(normalisePhone(' спросить Анну ', 'RU', { keepRaw: true })).toEqual({
      ok: true,
      number: { kind: 'raw', value: 'спросить Анну' },
    });
    expect(normalisePhone('спросить Анну', 'RU', { keepRaw: false })).toEqual({ ok: false, reason: 'invalid' });
    expect(normalisePhone('+7 *** ***-**-67', 'RU', { keepRaw: true })).toEqual({ ok: false, reason: 'masked' });
    expect(normalisePhone('  ', 'RU', { keepRaw: true }).ok).toBe(false);
  });
});

describe('maskPhone', () => {
  it('shows the country code and two digits', () => {
    expect(maskPhone('+79161234567')).toBe('+7 *** ***-**-67');
    expect(maskPhone('+442077070721;ext=4455')).toBe('+44 *** ***-**-21');
  });

  it.each(['112', '8 916 123-45-67', 'спросить Анну', '', '+', '+0123456789', '+79161234567x'])('hides %j whole', (text) => {
    expect(maskPhone(text)).toBe('***');
  });

  it('hides raw text whole, even a number', () => {
    expect(maskContactNumber({ kind: 'raw', value: '+79161234567' })).toBe('***');
  });

  it('is equal for numbers that differ in hidden digits only', () => {
    fc.assert(
      fc.property(subscriber, subscriber, fc.integer({ min: 10, max: 99 }), (one, other, last) => {
        const mask = maskPhone(`+7916${one.slice(0, 5)}${last}`);
        expect(maskPhone(formatStored(`+7495${other.slice(0, 5)}${last}`, other.slice(0, 3)))).toBe(mask);
        expect(mask).toMatch(MASK);
        expect(isMasked(mask)).toBe(true);
      }),
    );
  });

  it.each(COUNTRIES)('masks a mobile number of %s to its country code and two digits', (country) => {
    const number = getExampleNumber(country, examples);
    if (number === undefined) throw new Error('the metadata has no example');
    const parsed = parsePhone(number.formatNational(), country);
    expect(parsed).toMatchObject({ ok: true, e164: number.number });
    expect(maskPhone(number.number)).toBe(`+${number.countryCallingCode} *** ***-**-${number.number.slice(-2)}`);
  });
});
