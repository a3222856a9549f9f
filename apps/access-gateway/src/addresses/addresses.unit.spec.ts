import fc from 'fast-check';
import { FIRST_SECURITY_SETTINGS, type SecuritySettings } from '#contracts';
import { canonicalAddress, formatAddress, parseAddress } from '#policy';
import { AddressList } from '#policy';
import { formatRange, parseRange } from '#policy';
import { AddressRule } from './address-rule.js';
import { clientAddress } from './client-address.js';

const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
const groups = fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 });

/** A spelling of RFC 4291: case, leading zeros and the place of "::" are free. */
const spelling = fc
  .tuple(
    groups,
    fc.array(fc.tuple(fc.boolean(), fc.nat(3)), { minLength: 8, maxLength: 8 }),
    fc.nat(7),
    fc.integer({ min: 1, max: 8 }),
  )
  .map(([values, styles, from, wanted]) => {
    const words = values.map((value, index) => {
      const [upper, zeros] = styles[index] as [boolean, number];
      const hex = value.toString(16);
      const padded = hex.padStart(Math.min(4, hex.length + zeros), '0');
      return upper ? padded.toUpperCase() : padded;
    });
    let end = from;
    while (end < Math.min(8, from + wanted) && values[end] === 0) end += 1;
    const text = end === from ? words.join(':') : `${words.slice(0, from).join(':')}::${words.slice(end).join(':')}`;
    return { values, text };
  });

const bitsOfIpv4 = (text: string): string =>
  text
    .split('.')
    .map((octet) => Number(octet).toString(2).padStart(8, '0'))
    .join('');
const bitsOfGroups = (values: readonly number[]): string => values.map((value) => value.toString(2).padStart(16, '0')).join('');

describe('addresses', () => {
  it('reads every spelling of an IPv6 address as the same number and writes it as RFC 5952', () => {
    fc.assert(
      fc.property(spelling, ({ values, text }) => {
        const address = parseAddress(text);
        expect(address).not.toBeNull();
        if (address === null || address.family === 4) return;
        expect(address.value.toString(2).padStart(128, '0')).toBe(bitsOfGroups(values));
        const canonical = formatAddress(address);
        expect(canonical).toBe(new URL(`http://[${text}]`).hostname.slice(1, -1));
        expect(parseAddress(canonical)).toEqual(address);
      }),
    );
  });

  it('reads an IPv4 address and its mapped form as the same', () => {
    fc.assert(
      fc.property(octets, (parts) => {
        const text = parts.join('.');
        expect(canonicalAddress(text)).toBe(text);
        expect(canonicalAddress(`::ffff:${text}`)).toBe(text);
        expect(canonicalAddress(`0:0:0:0:0:FFFF:${text}`)).toBe(text);
      }),
    );
  });

  it.each([
    ['010.1.1.1'],
    ['10.1.1'],
    ['10.1.1.256'],
    ['0x7f.0.0.1'],
    ['2130706433'],
    ['1.2.3.4 '],
    [' 1.2.3.4'],
    ['1.2.3.4:80'],
    ['١.2.3.4'],
    ['fe80::1%eth0'],
    ['1:2:3:4:5:6:7'],
    ['1:2:3:4:5:6:7:8:9'],
    ['1::2::3'],
    ['::1:2:3:4:5:6:7:8'],
    [':1::'],
    ['1:::2'],
    ['12345::'],
    ['::1.2.3'],
    ['1.2.3.4::'],
    ['::ffff:010.1.1.1'],
    ['[::1]'],
    [''],
    [':'],
  ])('refuses %p', (text) => expect(parseAddress(text)).toBeNull());
});

describe('ranges', () => {
  it('holds exactly the addresses that begin with its bits', () => {
    fc.assert(
      fc.property(octets, fc.nat(32), octets, fc.boolean(), ([...network], prefix, other, near) => {
        const networkBits = bitsOfIpv4(network.join('.')).slice(0, prefix).padEnd(32, '0');
        const base = [0, 8, 16, 24].map((at) => Number.parseInt(networkBits.slice(at, at + 8), 2)).join('.');
        const otherBits = bitsOfIpv4(other.join('.'));
        const bits = near ? networkBits.slice(0, Math.max(0, prefix - 1)) + otherBits.slice(Math.max(0, prefix - 1)) : otherBits;
        const ip = [0, 8, 16, 24].map((at) => Number.parseInt(bits.slice(at, at + 8), 2)).join('.');
        const expected = bits.startsWith(networkBits.slice(0, prefix));
        expect(new AddressList([`${base}/${prefix}`]).holds(ip)).toBe(expected);
        expect(new AddressList([`::ffff:${base}/${96 + prefix}`]).holds(`::ffff:${ip}`)).toBe(expected);
      }),
    );
  });

  it('refuses host bits, and only them', () => {
    fc.assert(
      fc.property(groups, fc.nat(128), (values, prefix) => {
        const text = values.map((value) => value.toString(16)).join(':');
        const bits = bitsOfGroups(values);
        const mapped = bits.startsWith(`${'0'.repeat(80)}${'1'.repeat(16)}`);
        const holdsMapped = prefix < 96 && `${'0'.repeat(80)}${'1'.repeat(16)}`.startsWith(bits.slice(0, prefix));
        const expected = !bits.slice(prefix).includes('1') && !holdsMapped && !(mapped && prefix < 96);
        expect(parseRange(`${text}/${prefix}`) !== null).toBe(expected);
      }),
    );
  });

  it.each([
    ['2001:DB8::/32', '2001:db8::/32'],
    ['2001:0db8:0:0:0:0:0:1', '2001:db8::1'],
    ['::ffff:10.0.0.0/104', '10.0.0.0/8'],
    ['5.18.177.122', '5.18.177.122'],
    ['0.0.0.0/0', '0.0.0.0/0'],
  ])('keeps %s as %s', (text, kept) => {
    const range = parseRange(text);
    expect(range === null ? null : formatRange(range)).toBe(kept);
  });

  it.each([
    ['10.0.0.1/8'],
    ['10.0.0.0/08'],
    ['10.0.0.0/33'],
    ['10/8'],
    ['::/0'],
    ['::ffff:0:0/95'],
    ['::/129'],
    ['1.2.3.4/'],
    ['1.2.3.4/8/8'],
  ])('refuses %p', (text) => expect(parseRange(text)).toBeNull());

  it('does not admit 5.5.5.5 by a mapped range of tens', () => {
    expect(new AddressList(['::ffff:10.0.0.0/104']).holds('5.5.5.5')).toBe(false);
  });
});

describe('the client address', () => {
  const proxies = new AddressList(['127.0.0.2', '10.0.0.0/8']);

  it.each([
    ['::ffff:127.0.0.5', '1.1.1.1', '127.0.0.5'],
    ['127.0.0.2', '1.1.1.1, 9.9.9.9', '9.9.9.9'],
    ['127.0.0.2', '1.1.1.1, 9.9.9.9, 10.0.0.7', '9.9.9.9'],
    ['127.0.0.2', undefined, '127.0.0.2'],
    ['127.0.0.2', '10.1.1.1', '10.1.1.1'],
    ['127.0.0.2', '9.9.9.9, unknown', null],
    ['127.0.0.2', '9.9.9.9,', null],
    ['127.0.0.2', '9.9.9.9:1234', null],
    ['127.0.0.2', ' 9.9.9.9\t, 10.0.0.7 ', '9.9.9.9'],
    ['127.0.0.2', '9.9.9.9\u00a0', null],
    ['127.0.0.2', '\ufeff9.9.9.9', null],
    ['127.0.0.2', '   ', '127.0.0.2'],
    ['fe80::1%eth0', undefined, null],
    [undefined, '9.9.9.9', null],
  ])('from %s with %s is %s', (socket, header, expected) => expect(clientAddress(socket, header, proxies)).toBe(expected));
});

describe('the address rule', () => {
  const settings = (over: Partial<SecuritySettings['ipAllowList']>): SecuritySettings => ({
    ...FIRST_SECURITY_SETTINGS,
    ipAllowList: { enabled: true, exemptAdmins: true, entries: [], ...over },
  });
  const manager = { ip: '9.9.9.9', isAdmin: false, via: 'session' } as const;
  const admin = { ip: '9.9.9.9', isAdmin: true, via: 'session' } as const;

  it('admits nobody but exempt administrators to an empty list', () => {
    const rule = new AddressRule();
    expect(rule.admits(manager, settings({}), 1)).toBe(false);
    expect(rule.admits(admin, settings({}), 1)).toBe(true);
    expect(rule.admits({ ...admin, via: 'token' }, settings({}), 1)).toBe(false);
    expect(rule.admits(admin, settings({ exemptAdmins: false }), 1)).toBe(false);
  });

  it('follows the version of the settings', () => {
    const rule = new AddressRule();
    expect(rule.admits(manager, settings({ entries: [{ cidr: '9.9.9.0/24', note: '' }] }), 1)).toBe(true);
    expect(rule.admits(manager, settings({ entries: [{ cidr: '9.9.8.0/24', note: '' }] }), 2)).toBe(false);
    expect(rule.admits(manager, settings({ enabled: false }), 3)).toBe(true);
    expect(rule.admits({ ...manager, ip: null }, settings({ enabled: false }), 3)).toBe(false);
  });
});
