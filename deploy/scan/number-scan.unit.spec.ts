import { createHash } from 'node:crypto';
import { NumberScan } from './number-scan.js';
import { spelt } from './planting.js';

const spellings = (number: string): string[] => [0, 1, 2, 3, 4, 5].map((way) => spelt(number, way));

describe('the scan', () => {
  const scan = new NumberScan();
  const number = scan.plantNumber('+79163748291');
  const address = scan.plantEmail('Planted.Person@pochta-mail.ru');
  const digest = (algorithm: string): string => createHash(algorithm).update(number).digest('hex');
  const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le');

  it.each<[string, string | Buffer]>([
    ...spellings(number).map((text) => [text.replaceAll(/\d/g, 'd'), text] as [string, string]),
    ['encoded for a URL', encodeURIComponent(number)],
    ['twice spaced in a URL', `%2B7%20916%20${number.slice(5, 8)}%20${number.slice(8)}`],
    ['non-breaking spaces', `8\u00a0916\u00a0${number.slice(5, 8)}\u2011${number.slice(8)}`],
    ['escaped in JSON', `"\\u002b7\\u0020916\\u0020${number.slice(5)}"`],
    ['UTF-16, little end first', utf16(number)],
    ['UTF-16, big end first', utf16(number).swap16()],
    ['backwards', [...number].reverse().join('')],
    ['base64', Buffer.from(JSON.stringify({ number })).toString('base64')],
    ['base64, one later', Buffer.from(`${JSON.stringify({ a: number })}`).toString('base64')],
    ['base64, two later', Buffer.from(`${JSON.stringify({ ab: number })}`).toString('base64url')],
    ['hexadecimal', Buffer.from(`x${number}x`).toString('hex').toUpperCase()],
    ['hexadecimal of bytea', `\\x${Buffer.from(number.slice(1)).toString('hex')}`],
    ['sha256', digest('sha256')],
    ['sha1', digest('sha1').toUpperCase()],
    ['md5', digest('md5')],
    ['sha256 as bytes', createHash('sha256').update(number).digest()],
    ['sha512', digest('sha512')],
    ['the sha256 of a spaced number', createHash('sha256').update(spelt(number, 2)).digest('hex')],
    ['base64 of a spaced number', Buffer.from(JSON.stringify({ number: spelt(number, 3) })).toString('base64')],
    ['hexadecimal of a spaced number', Buffer.from(spelt(number, 2)).toString('hex')],
    ['an e-mail escaped in JSON', address.replace('@', '\\u0040')],
    ['an e-mail backwards', [...address].reverse().join('')],
    ['an e-mail', `<${address}>`],
    ['an e-mail in capitals', address.toUpperCase()],
    ['an e-mail in a URL', encodeURIComponent(address)],
    ['an e-mail as UTF-16', utf16(address)],
    ['an e-mail as base64', Buffer.from(address).toString('base64')],
    ['the sha256 of an e-mail', createHash('sha256').update(address).digest('base64')],
  ])('finds %s', (_, text) => {
    const around = [Buffer.from('{"before":"'), Buffer.isBuffer(text) ? text : Buffer.from(text), Buffer.from('","after":1}')];
    expect(scan.scan('here', Buffer.concat(around)).length).toBeGreaterThan(0);
  });

  it('finds nothing where nothing is', () => {
    const other = '+79163748290';
    expect(
      scan.scan('here', JSON.stringify([...spellings(other), 'planted.persons@pochta-mail.ru', new Date(), Date.now()])),
    ).toEqual([]);
  });

  it('finds what goes over the end of a piece', async () => {
    const [head, tail] = ['x'.repeat(4000) + number.slice(0, 6), number.slice(6) + 'x'.repeat(4000)];
    const pieces = async function* (): AsyncGenerator<Buffer> {
      for (const piece of [head, tail]) yield await Promise.resolve(Buffer.from(piece));
    };
    const { leaks, bytes } = await scan.scanPieces('here', pieces());
    expect([leaks.map(({ spelling }) => spelling), bytes]).toEqual([['digits'], 8012]);
  });

  it('tells the value by its place among the planted, and never the value', () => {
    expect(scan.scan('here', number)).toEqual([{ place: 'here', spelling: 'digits', index: 0 }]);
  });

  it('does not look for what ids and times hold by chance', () => {
    const short = new NumberScan();
    short.plantNumber('+4712345');
    expect([short.size, short.scan('here', '4712345')]).toEqual([0, []]);
  });
});
