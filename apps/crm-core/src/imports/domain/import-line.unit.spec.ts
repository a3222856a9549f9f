import { maskPoint } from '../../records/domain/contact-point.js';
import { maskedText } from '../../records/domain/personal-text.js';
import { contactOfLine } from './import-line.js';

const ids = (): (() => string) => {
  let count = 0;
  return () => `id-${(count += 1)}`;
};
const read = (cells: Record<string, string>) => contactOfLine({ line: 2, ...cells }, 'RU', ids());
const code = (cells: Record<string, string>): unknown => {
  try {
    read(cells);
    return 'taken';
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
};

describe('a line of an import', () => {
  it.each([
    ['8 (916) 123-45-67', ['+7 *** ***-**-67']],
    ['8 916 123 45 67, +44 20 7946 0021', ['+7 *** ***-**-67', '+44 *** ***-**-21']],
    ['8 916 123-45-67; 8 916 123-45-68;', ['+7 *** ***-**-67', '+7 *** ***-**-68']],
    ['8 916 123-45-67, ext 12', ['+7 *** ***-**-67']],
    ['8 916 123-45-67, ask Ivan', ['***']],
    ['ask Ivan', ['***']],
    ['', []],
  ])('takes the telephones of its cell', (phone, masks) => {
    expect(read({ name: 'A', phone }).fields.phones.map(maskPoint)).toEqual(masks);
  });

  it.each([
    ['ivan@example.ru', ['i***@e***.ru']],
    ['ivan@example.ru; olga@mail.com', ['i***@e***.ru', 'o***@m***.com']],
    ['ivan at example', ['***']],
  ])('takes the e-mails of its cell', (email, masks) => {
    expect(read({ name: 'A', email }).fields.emails.map(maskPoint)).toEqual(masks);
  });

  it('vouches for its points, and masks numbers in texts', () => {
    const { fields, named } = read({ name: ' A ', phone: '89161234567', tags: 'a; b,a', note: 'or 89161234568', company: ' B ' });

    expect(fields.phones[0]).toMatchObject({ unverified: false, form: 'normal', label: null });
    expect(fields.tags.map(maskedText)).toEqual(['a', 'b']);
    expect(maskedText(fields.note!)).toBe('or +7 *** ***-**-68');
    expect(named).toEqual({ company: 'B', responsibleEmail: null });
  });

  it.each([
    [{}, 'validation-failed'],
    [{ name: '  ' }, 'validation-failed'],
    [{ name: 'x'.repeat(201) }, 'validation-failed'],
    [{ name: 'A', tags: Array.from({ length: 51 }, (_, index) => `t${index}`).join(',') }, 'validation-failed'],
    [{ name: 'A', phone: '+7 *** ***-**-67' }, 'masked-value'],
    [{ name: 'A', email: 'i***@e***.ru' }, 'masked-value'],
    [{ name: 'A', phone: '•••••' }, 'masked-value'],
  ])('is refused with a code', (cells, expected) => {
    expect(code(cells as Record<string, string>)).toBe(expected);
  });
});
