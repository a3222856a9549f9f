import { DomainError } from '#kernel';
import { acceptablePassword } from './password-policy.js';

const codeOf = (password: string): string => {
  try {
    acceptablePassword(password, 'password');
    return 'accepted';
  } catch (error) {
    return (error as DomainError).code;
  }
};

describe('passwords', () => {
  it.each([
    ['a long enough password'],
    ['Kx7#pQ2!vR9z'],
    ['лошадь батарея скрепка'],
    ['密码马电池订书钉正确的一二三'],
    ['p4$$w0rd7Kx2!vR9'],
    ['🐎🔋📎🐎🔋📎🐎🔋📎🐎🔋🧷'],
  ])('accepts %p', (password) => expect(codeOf(password)).toBe('accepted'));

  it.each([
    ['short'],
    ['elevenchars'],
    ['🐎🔋📎🐎🔋📎'],
    ['Password1234'],
    ['QWERTY123456!'],
    ['P4$$w0rd1234'],
    ['1l0v3y0uf0r3v3r'],
    ['ПАРОЛЬ123456'],
    ['aaaaaaaaaaaaaaa'],
    ['abcabcabcabcabc'],
    ['123412341234'],
    ['123456789012'],
    ['987654321098'],
    ['abcdefghijklmnop'],
    ['йцукенгшщзхъ'],
  ])('refuses %p', (password) => expect(codeOf(password)).toBe('password-too-weak'));

  it('bounds the work of one request', () => expect(codeOf('x1'.repeat(200))).toBe('validation-failed'));

  it('hashes one spelling of a character', () => {
    expect(acceptablePassword('e\u0301'.repeat(6) + 'abcdef', 'password')).toBe('é'.repeat(6) + 'abcdef');
  });
});
