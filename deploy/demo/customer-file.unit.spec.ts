import { countryCode, internationalForm, readCustomers, readingOf, UnreadableFile } from './customer-file.js';

describe('customers of a file', () => {
  it('are read from a header with first and last name', () => {
    const { customers, refused } = readCustomers(
      'customer_id,first_name,last_name,company,country,phone,fax,email\n1,Анна,Иванова,,Germany,+49 30 1,,a@b.example\n',
    );
    expect(refused).toEqual([]);
    expect(customers).toEqual([
      {
        line: 2,
        name: 'Анна Иванова',
        company: null,
        phones: [{ label: 'phone', number: '+49 30 1' }],
        email: 'a@b.example',
        country: 'DE',
      },
    ]);
  });

  it('are read from a header with a contact of a company', () => {
    const { customers } = readCustomers('id,company,contact,title,country,phone,fax\nA,"Рога, копыта",Анна,Owner,UK,1,2\n');
    expect(customers[0]).toMatchObject({ name: 'Анна', company: 'Рога, копыта', email: null, country: 'GB' });
    expect(customers[0]?.phones.map(({ label }) => label)).toEqual(['phone', 'fax']);
  });

  it('have the name of the company when nobody is named', () => {
    expect(readCustomers('company,contact\nРога,\n').customers[0]?.name).toBe('Рога');
  });

  it('that cannot be read are told by line and code, lines counted with the header', () => {
    const { customers, refused } = readCustomers('\uFEFFname,phone\nАнна,1\nБез номера\n,2\nПётр,3\n');
    expect(customers.map(({ line }) => line)).toEqual([2, 5]);
    expect(refused).toEqual([
      { line: 3, part: 'line', code: 'wrong-column-count' },
      { line: 4, part: 'line', code: 'name-missing' },
    ]);
  });

  it('need a header that is known, and a file that is CSV', () => {
    expect(() => readCustomers('a,b\n1,2\n')).toThrow(UnreadableFile);
    expect(() => readCustomers('')).toThrow(UnreadableFile);
    expect(() => readCustomers('name\n"open\n')).toThrow(/CSV_QUOTE_NOT_CLOSED/);
  });
});

describe('the country of a line', () => {
  it.each([
    ['Germany', 'DE'],
    ['USA', 'US'],
    [' united kingdom ', 'GB'],
    ['Czech Republic', 'CZ'],
    ['Atlantis', null],
    ['', null],
  ])('%p is %p', (name, code) => {
    expect(countryCode(name)).toBe(code);
  });
});

describe('a number of a line', () => {
  it('goes as written when the company reads it right, or not at all', () => {
    expect(readingOf('8 (912) 000-00-01', 'RU', 'RU')).toEqual({ kind: 'as-written', number: '8 (912) 000-00-01' });
    expect(readingOf('+49 30 26550280', 'DE', 'RU').kind).toBe('as-written');
    expect(readingOf('030-26550280', 'DE', 'RU').kind).toBe('as-written');
    expect(readingOf('8 (912) 000-00-01', null, 'RU').kind).toBe('as-written');
  });

  it('is its own country’s when it is one here by chance', () => {
    expect(readingOf('(415) 200-0134', 'US', 'RU')).toEqual({ kind: 'of-its-country', number: '+14152000134' });
  });

  it('has an international form in a known country only', () => {
    expect(internationalForm('030-26550280', 'DE')).toBe('+493026550280');
    expect(internationalForm('030-26550280', null)).toBeUndefined();
    expect(internationalForm('12', 'DE')).toBeUndefined();
  });
});
