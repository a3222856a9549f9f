import fc from 'fast-check';
import { emailKey, maskEmail, parseEmail } from './index.js';

describe('parseEmail', () => {
  it.each([
    [' Ivan.Petrov+crm@Mail.RU ', 'Ivan.Petrov+crm@mail.ru'],
    ['stanisław.wójcik@wp.pl', 'stanisław.wójcik@wp.pl'],
    ['пётр@пример.рф', 'пётр@пример.рф'],
    ["o'brien@example.co.uk", "o'brien@example.co.uk"],
  ])('reads %j', (text, email) => {
    expect(parseEmail(text)).toEqual({ ok: true, email });
  });

  it.each(['', 'ivan', 'ivan@', '@mail.ru', 'ivan@localhost', 'a..b@mail.ru', '.a@mail.ru', 'a@-mail.ru', 'a@mail..ru', 'a b@mail.ru', 'a@mail.r', 'a@1.2.3.4', 'a@b@mail.ru', `${'a'.repeat(65)}@mail.ru`, `a@${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(63)}.${'e'.repeat(63)}.ru`])(
    'refuses %j', (text) => {
      expect(parseEmail(text)).toEqual({ ok: false, reason: 'invalid' });
    },
  ); // prettier-ignore

  it('tells a mask from an address', () => {
    expect(parseEmail('i***@m***.ru')).toEqual({ ok: false, reason: 'masked' });
  });

  it('reads its own result as the same address', () => {
    fc.assert(
      fc.property(fc.emailAddress(), (text) => {
        const parsed = parseEmail(text);
        if (parsed.ok) expect(parseEmail(parsed.email)).toEqual(parsed);
      }),
    );
  });
});

describe('emailKey', () => {
  it('is one for all spellings', () => {
    expect(emailKey('Ivan@mail.ru')).toBe('ivan@mail.ru');
    expect(emailKey('пётр@пример.рф')).toBe(emailKey('ПЁТР@xn--e1afmkfd.xn--p1ai'));
  });
});

describe('maskEmail', () => {
  it.each([
    ['ivan@mail.ru', 'i***@m***.ru'],
    ['a@b.example.co.uk', 'a***@b***.uk'],
    ['пётр@пример.рф', 'п***@п***.рф'],
    ['no address', '***'],
    ['@mail.ru', '***'],
    ['ivan@mail', '***'],
  ])('of %j is %j', (email, mask) => {
    expect(maskEmail(email)).toBe(mask);
  });

  it('does not depend on what it hides', () => {
    const word = fc.stringMatching(/^[a-z0-9]{1,30}$/);
    fc.assert(fc.property(word, word, (local, domain) => expect(maskEmail(`i${local}@m${domain}.ru`)).toBe('i***@m***.ru')));
  });
});
