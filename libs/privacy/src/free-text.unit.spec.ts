import fc from 'fast-check';
import { findsNumber, maskText } from './index.js';
import { FREE_TEXT_MAX } from './free-text.js';

const MASK = '+7 *** ***-**-67';

describe('maskText hides', () => {
  it.each([
    'Тел. 8 916 123-45-67', '8_916_123_45_67', '8<b>916</b>1234567', '<a href="tel:+79161234567">звони</a>', 'https://wa.me/79161234567?text=hi',
    'https://wa.me/%2B79161234567', 'tel:+7-916-123-45-67', '00 7 916 123 45 67', '+8 916 123 45 67', '8 9 1 6 1 2 3 4 5 6 7', '8916\u00ad1234567', '8&nbsp;916&#49;234567',
    '8️⃣9️⃣1️⃣6️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣', '8 **916** 1234567', '8 916\n123-45-67', '8/916/123/45/67', '8:916:123:45:67', '8,916,123,45,67', '(8 916 123 45 67)', '+7 495 123-45-67 доб. 12',
    'по заказу 89161234567', 'по заказу 9161234567', 'тел. № 4951234567', 'звонить по заказу 4951234567', 'ИНН 7707083893 89161234567', '89161234567 1 250 000 руб.', '301 8 916 123 45 67',
    'в 10:00 8 916 123 45 67 и 23.11.2026', '23.11.2026 89161234567', '?email=x&phone=9161234567',
    '8\u115f916\u3164123\uffa04567', '8916\u28001234567', `8${'\u200b'.repeat(200)}9161234567`, `8${' '.repeat(30)}916${' '.repeat(9)}123-45-67`, '8…916…123…45…67', '8 • 916 • 123 • 45 • 67', '8=916=123=45=67', '8→916→123→45→67',
    '8"916"123"45"67', '8😀916😀123😀45😀67', '8~916~123~45~67', '8+916+123+45+67', '❽❾❶❻❶❷❸❹❺❻❼', '➇➈➀➅➀➁➂➃➄➅➆', '⒏⒐⒈⒍⒈⒉⒊⒋⒌⒍⒎', '⑻⑼⑴⑹⑴⑵⑶⑷⑸⑹⑺', '8916I234567', '8 9l6 l23 45 б7', '8 916 12З 45 67',
  ])('%j', (text) => {
    const masked = maskText(text, 'RU');
    expect(masked).toContain(MASK);
    expect(masked.replaceAll(MASK, '')).not.toMatch(/916|495|123|45/);
    expect(findsNumber(text, 'RU')).toBe(true);
  }); // prettier-ignore

  it('each of several numbers, and nothing around them', () => {
    expect(maskText('звоните 8 916 123 45 67 8 926 765 43 21, 10 шт', 'RU')).toBe(`звоните ${MASK} +7 *** ***-**-21, 10 шт`);
    expect(maskText('89161234567/89261234567<br>89161234567', 'RU')).toBe(`${MASK}/${MASK}<br>${MASK}`);
  });

  it('whole what is no valid number and yet written or announced as one', () => {
    expect(maskText('Тел. 12-34-56', 'RU')).toBe('Тел. ***');
    expect(maskText('это 123-45-67!', 'RU')).toBe('это ***!');
    expect(maskText('(604) 555-4729', 'RU')).toBe('***');
  });

  it('numbers of other countries and regions', () => {
    expect(maskText('+44 020 7707 0707; 380671234567', 'RU')).toBe('+44 *** ***-**-07; +380 *** ***-**-67');
    expect(maskText('0711/2842222', 'DE')).toBe('+49 *** ***-**-22');
    expect(maskText('(650) 253-0000', 'US')).toBe('+1 *** ***-**-00');
  });

  it.each([
    ['почта: IVAN@mail.ru.', 'почта: i***@m***.ru.'],
    ['iv<b>an</b>@ma\u200bil.ru', 'i***@m***.ru'],
    ['ivan＠mail.ru, petr [at] ya [dot] ru', 'i***@m***.ru, p***@y***.ru'],
    ['79161234567@c.us', '7***@c***.us'],
    ['?to=ivan%40mail.ru&x=1', '?to=i***@m***.ru&x=1'],
    ["Sean.O'Brien@mail.ru, ivan#x@mail.ru", 's***@m***.ru, i***@m***.ru'],
    ['"ivan petrov"@mail.ru', '"***@m***.ru'],
    ['ivan﹫mail.ru', 'i***@m***.ru'],
    ['ivan@mail。ru, ivan@@mail.ru', 'i***@m***.ru, i***@m***.ru'],
    ['ivan(@)mail[.]ru, ivan <at> mail.ru', 'i***@m***.ru, i***@m***.ru'],
  ])('the address in %j', (text, masked) => {
    expect(maskText(text, 'RU')).toBe(masked);
  });
});

describe('maskText hides, in words,', () => {
  it.each([
    'восемь девятьсот шестнадцать сто двадцать три сорок пять шестьдесят семь', 'Плюс семь девять один шесть 123 сорок пять 67', 'ВОСЕМЬ-девятьсот-шестнадцать 123 сорок пять 67',
    'eight nine one six one two three forty-five sixty-seven', 'восемь\nдевятьсот шестнадцать\nсто двадцать три\nсорок пять\nшестьдесят семь', 'тел. девять один шесть один два три четыре пять шесть семь',
  ])('%j', (text) => {
    const masked = maskText(`Иван: ${text}; перезвонить`, 'RU');
    expect(masked).toMatch(/^Иван: (тел\. )?\+7 \*{3} \*{3}-\*\*-67; перезвонить$/u);
    expect(findsNumber(text, 'RU')).toBe(true);
  }); // prettier-ignore
});

describe('maskText leaves', () => {
  it.each([
    'сто двадцать пять тысяч рублей', 'двадцать первого в десять утра, человек пять', 'раз два три четыре пять шесть семь восемь девять десять', 'двести, триста, четыреста и пятьсот', '10 л, 5l, 3D, 2о, б3', '8 и 9, 12, 15, 18, 21, 25', 'one two three', '250 (250–250)              0.83', '|  49.35 |       84.57 |       71.71 |',
    '1 250 000 руб.', '12 500,00', '4 951 250 000 руб.', '9 161 234 567 ₽', '$1,250,000.00', '+1 250 000 руб', 'цена 4951234567 руб', '1 250 000,00 и 2 500 000,00', '23.11.2026',
    '2026-11-23 10:00', '30.12.2026 10:00', '01.11.2026-30.11.2026', '2026-11-23T10:00:00.000Z', '20261123', 'с 9:00 до 18:00', 'ИНН 7707083893', 'ИНН 500100732259', 'ИНН/КПП 7707083893/773601001',
    'ОГРН 1027700132195', 'ОГРНИП 304500116000157', 'р/с 40702810900000000001', 'заказ № 1234567', 'заказ № 9161234567', 'заказ 4951234567', 'Счёт 4951-234567', 'order #4951234567', 'лот 123-45-67',
    '4276 1234 5678 9010', '4607034170012', '550e8400-e29b-41d4-a716-446655440000', '95.173.145.67', 'паспорт 45 11 123456', 'СНИЛС 112-233-445 95', '1764064800000', 'пишите @ivan_petrov', MASK, 'i***@m***.ru',
  ])('%j', (text) => {
    expect(maskText(text, 'RU')).toBe(text);
    expect(findsNumber(text, 'RU')).toBe(false);
  }); // prettier-ignore
});

const subscriber = fc.integer({ min: 0, max: 9_999_999 }).map((number) => String(number).padStart(7, '0'));
const separator = fc.constantFrom(
  '',
  ' ',
  '-',
  ' - ',
  '.',
  '_',
  '\u2013',
  '\u00a0',
  '\u200b',
  '<b>',
  '</i>',
  '/',
  ') ',
  ' (',
  '\u2011',
);
const prefix = fc.constantFrom('8', '+7', '7', '00 7', 'tel:+7', 'wa.me/7', 'https://wa.me/+7', 'тел. 8', '+7 (', '8-(');
const script = fc.constantFrom(0x30, 0xff10, 0x0660, 0x06f0, 0x0966, 0x1d7ce);
const around = fc.constantFrom(
  '',
  'Иван просил перезвонить',
  'Договор от 23.11.2026',
  'сумма 1 250 000 руб.',
  'Адрес: Москва, 127006',
  'встреча в 10:00',
);

const inScript = (text: string, zero: number): string =>
  text.replace(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit)));

describe('maskText', () => {
  it('finds a mobile number in every spelling, inside any text', () => {
    fc.assert(
      fc.property(
        subscriber,
        prefix,
        fc.array(separator, { minLength: 4, maxLength: 4 }),
        script,
        around,
        around,
        (digits, head, gaps, zero, before, after) => {
          const parts = ['916', digits.slice(0, 3), digits.slice(3, 5), digits.slice(5)];
          const number = inScript(
            `${head}${parts.map((part, index) => `${index === 0 ? '' : (gaps[index] as string)}${part}`).join('')}`,
            zero,
          );
          const masked = maskText(`${before}, ${number}; ${after}`, 'RU');
          expect(masked).toContain(`+7 *** ***-**-${digits.slice(5)}`);
          expect(masked).not.toContain(inScript(digits.slice(0, 3), zero) + inScript(digits.slice(3, 5), zero));
          expect(masked.startsWith(before)).toBe(true);
          expect(masked.endsWith(after)).toBe(true);
          expect(maskText(masked, 'RU')).toBe(masked);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('finds a number broken at any digit', () => {
    fc.assert(
      fc.property(
        subscriber,
        fc.array(fc.constantFrom('', '', '\u200b', '_', '<b>', ' ', '-'), { minLength: 10, maxLength: 10 }),
        (digits, gaps) => {
          const spelled = Array.from(`8916${digits}`, (digit, index) => `${digit}${gaps[index] ?? ''}`).join('');
          expect(maskText(`номер ${spelled}`, 'RU')).toBe(`номер +7 *** ***-**-${digits.slice(5)}`);
        },
      ),
    );
  });

  it('leaves sums, dates, and numbers of orders and taxpayers as they are', () => {
    const digits = (length: number) => fc.stringMatching(new RegExp(`^[1-9]\\d{${length - 1}}$`));
    const sum = fc
      .integer({ min: 1, max: 999_999_999_999 })
      .map((value) => `${value.toLocaleString('en').replaceAll(',', ' ')} руб.`);
    const decimal = fc
      .integer({ min: 1, max: 99_999_999 })
      .map((value) => `${value.toLocaleString('en').replaceAll(',', ' ')},00`);
    const day = fc
      .date({ min: new Date('1990-01-01'), max: new Date('2049-12-31'), noInvalidDate: true })
      .map((date) => date.toISOString());
    const date = day.map((iso) => `${iso.slice(8, 10)}.${iso.slice(5, 7)}.${iso.slice(0, 4)}`);
    const moment = day.map((iso) => iso.slice(0, 16).replace('T', ' '));
    const plain = fc.oneof(
      sum, decimal, date, moment, digits(7).map((text) => `заказ № ${text}`), digits(10).map((text) => `заказ № ${text}`), digits(10).map((text) => `ИНН ${text}`),
      digits(12).map((text) => `ИНН ${text}`), digits(13).map((text) => `ОГРН ${text}`), digits(20).map((text) => `счёт ${text}`), digits(20),
    ); // prettier-ignore
    fc.assert(
      fc.property(fc.array(plain, { minLength: 1, maxLength: 6 }), (parts) => {
        const text = parts.join('; ');
        expect(maskText(text, 'RU')).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it('never throws, whatever the text', () => {
    const piece = fc.oneof(
      fc.constantFrom('8', '+7', '916', '12', '***', '-', ' ', '(', ')', '<b>', '\n', '@', 'тел', '.ru', '№', '&#55;', '%2B'),
      fc.string({ unit: 'grapheme', maxLength: 4 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        expect(typeof maskText(pieces.join(''), 'RU')).toBe('string');
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    '9 1 6 2 3 4 ',
    '1\u200b',
    '1.',
    '+7 ',
    '(',
    '<a',
    'a@',
    '8916',
    'тел ',
    '$ ',
    '&#5',
    '9161234567 ',
    'один ',
    'l1',
    '8=',
  ])('reads 100,000 characters of %j in bounded time', (piece) => {
    const text = piece.repeat(FREE_TEXT_MAX).slice(0, FREE_TEXT_MAX);
    // Processor time: the clock of a busy machine tells of others.
    const start = process.cpuUsage();
    maskText(text, 'RU');
    const { user, system } = process.cpuUsage(start);
    expect(user + system).toBeLessThan(5_000_000);
  });

  it('refuses a longer text instead of leaving it unread', () => {
    expect(() => maskText(' '.repeat(FREE_TEXT_MAX + 1), 'RU')).toThrow(RangeError);
  });
});
