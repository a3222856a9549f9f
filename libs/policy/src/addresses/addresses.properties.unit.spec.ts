import { isIP } from 'node:net';
import fc from 'fast-check';
import { canonicalAddress, formatAddress, parseAddress } from './address.js';
import { AddressList } from './address-list.js';
import { formatRange, parseRange, rangeHolds, type AddressRange } from './address-range.js';

/** A written model of RFC 4291: numbers and arithmetic, and nothing of what is tested. */
const BITS = { 4: 32, 6: 128 } as const;
type Family = keyof typeof BITS;
const MAPPED = { first: 0xffffn << 32n, last: (0xffffn << 32n) + 0xffffffffn };
const isMapped = (value: bigint): boolean => value >= MAPPED.first && value <= MAPPED.last;
const groupsOf = (value: bigint): number[] =>
  Array.from({ length: 8 }, (_, index) => Number((value >> BigInt(112 - 16 * index)) % 65_536n));
const dotted = (value: bigint): string => [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) % 256n)).join('.');

const ipv4 = fc.bigInt({ min: 0n, max: 2n ** 32n - 1n });
/** Many zero groups, so that "::" has places to stand; the mapped space and its neighbours, which chance would never meet. */
const ipv6 = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .array(fc.oneof(fc.constant(0), fc.nat(65_535)), { minLength: 8, maxLength: 8 })
      .map((groups) => groups.reduce((value, group) => value * 65_536n + BigInt(group), 0n)),
  },
  { weight: 2, arbitrary: ipv4.map((value) => MAPPED.first + value) },
  { weight: 1, arbitrary: fc.constantFrom(0n, 1n, MAPPED.first - 1n, MAPPED.last + 1n, 2n ** 128n - 1n) },
);

interface Style {
  readonly zeros: readonly number[];
  readonly upper: boolean;
  readonly gap: number;
  readonly gapLength: number;
  readonly mixed: boolean;
}
const style: fc.Arbitrary<Style> = fc.record({
  zeros: fc.array(fc.nat(3), { minLength: 8, maxLength: 8 }),
  upper: fc.boolean(),
  gap: fc.nat(7),
  gapLength: fc.integer({ min: 1, max: 8 }),
  mixed: fc.boolean(),
});

/** One of the spellings that RFC 4291 section 2.2 leaves free: case, leading zeros, where "::" stands, the last 32 bits as IPv4. */
function spelled(value: bigint, { zeros, upper, gap, gapLength, mixed }: Style): string {
  const groups = groupsOf(value);
  const hex = groups.map((group, index) => {
    const digits = group.toString(16);
    return digits.padStart(Math.min(4, digits.length + (zeros[index] ?? 0)), '0');
  });
  const words = mixed ? [...hex.slice(0, 6), dotted(value % 2n ** 32n)] : hex;
  const most = mixed ? 6 : 8;
  let end = gap;
  while (end < Math.min(most, gap + gapLength) && groups[end] === 0) end += 1;
  const text = end === gap ? words.join(':') : `${words.slice(0, gap).join(':')}::${words.slice(end).join(':')}`;
  return upper ? text.toUpperCase() : text;
}

describe('any spelling of an address', () => {
  it('is the same number, and comes back as one spelling', () => {
    fc.assert(
      fc.property(ipv6, style, style, (value, one, other) => {
        const read = parseAddress(spelled(value, one));
        expect(read).toEqual(isMapped(value) ? { family: 4, value: value - MAPPED.first } : { family: 6, value });
        expect(parseAddress(spelled(value, other))).toEqual(read);
        const canonical = canonicalAddress(spelled(value, one)) as string;
        expect(canonicalAddress(spelled(value, other))).toBe(canonical);
        expect(canonicalAddress(canonical)).toBe(canonical);
        expect(parseAddress(canonical)).toEqual(read);
      }),
      { numRuns: 3_000 },
    );
  });

  it('is written as RFC 5952 says: lower case, no leading zeros, "::" for the first longest run of two groups or more', () => {
    fc.assert(
      fc.property(ipv6, (value) => {
        fc.pre(!isMapped(value));
        const groups = groupsOf(value).map((group) => group.toString(16));
        const texts = [groups.join(':')];
        for (let length = 2; length <= 8; length += 1)
          for (let at = 0; at + length <= 8; at += 1)
            if (groups.slice(at, at + length).every((group) => group === '0'))
              texts.push(`${groups.slice(0, at).join(':')}::${groups.slice(at + length).join(':')}`);
        // Of the shortest texts the first: a longer run leaves a shorter text, and runs were tried from the left.
        const runs = texts.slice(1);
        const groupsLeft = (text: string): number => text.split(':').filter((word) => word !== '').length;
        const least = Math.min(...runs.map(groupsLeft));
        const expected = runs.find((text) => groupsLeft(text) === least) ?? texts[0];
        expect(formatAddress({ family: 6, value })).toBe(expected);
      }),
      { numRuns: 2_000 },
    );
  });

  it('of IPv4 is one only', () => {
    fc.assert(
      fc.property(ipv4, fc.nat(3), fc.integer({ min: 1, max: 3 }), (value, at, zeros) => {
        expect(parseAddress(dotted(value))).toEqual({ family: 4, value });
        expect(canonicalAddress(dotted(value))).toBe(dotted(value));
        const octets = dotted(value).split('.');
        const padded = octets.map((octet, index) => (index === at ? '0'.repeat(zeros) + octet : octet)).join('.');
        const short = [...octets.slice(0, 2), String(Number(octets[2]) * 256 + Number(octets[3]))].join('.');
        const octal = octets.map((octet) => `0${Number(octet).toString(8)}`).join('.');
        const hexadecimal = octets.map((octet) => `0x${Number(octet).toString(16)}`).join('.');
        for (const text of [padded, short, octal, hexadecimal, String(value), `0x${value.toString(16)}`, `${dotted(value)}.`])
          expect([text, parseAddress(text)]).toEqual([text, null]);
      }),
    );
  });
});

describe('what is no address', () => {
  const signs = fc.constantFrom(...'0123456789abcdefABCDEF::::....//%xg[] -+,٣'.split(''));
  const noise = fc.array(signs, { maxLength: 46 }).map((list) => list.join(''));
  /** Valid spellings with one sign changed, put in or taken out: much nearer to the border than noise. */
  const nearly = fc
    .tuple(
      fc.oneof(
        fc.tuple(ipv6, style).map(([value, how]) => spelled(value, how)),
        ipv4.map(dotted),
      ),
      fc.nat(45),
      signs,
      fc.nat(2),
    )
    .map(([text, at, sign, act]) => {
      const place = at % (text.length + 1);
      return text.slice(0, place) + (act === 2 ? '' : sign) + text.slice(act === 0 ? place : place + 1);
    });

  it('is refused, and nothing else is: Node’s own strict reader agrees on every text', () => {
    fc.assert(
      fc.property(fc.oneof(noise, nearly, fc.string({ unit: 'binary', maxLength: 60 })), (text) => {
        const expected = isIP(text) !== 0 && !text.includes('%');
        expect([text, parseAddress(text) !== null]).toEqual([text, expected]);
        expect(new AddressList([text]).holds('127.0.0.1') && !expected).toBe(false);
      }),
      { numRuns: 20_000 },
    );
  });
});

interface Written {
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
  readonly text: string;
}
/** A range without host bits, and how it may be written. */
const written: fc.Arbitrary<Written> = fc
  .tuple(fc.constantFrom<Family>(4, 6), ipv4, ipv6, fc.nat(128), style, fc.boolean())
  .map(([family, four, six, length, how, asMapped]) => {
    const prefix = length % (BITS[family] + 1);
    const size = 2n ** BigInt(BITS[family] - prefix);
    const value = family === 4 ? four : six;
    const first = (value / size) * size;
    const last = first + size - 1n;
    const text =
      family === 6
        ? `${spelled(first, how)}/${prefix}`
        : asMapped
          ? `${spelled(MAPPED.first + first, how)}/${prefix + 96}`
          : `${dotted(first)}/${prefix}`;
    return { family, first, last, text };
  });
const touchesMapped = ({ family, first, last }: Written): boolean => family === 6 && first <= MAPPED.last && last >= MAPPED.first;
const isInsideMapped = ({ first, last }: Written): boolean => first >= MAPPED.first && last <= MAPPED.last;

describe('a range', () => {
  it('holds its members and nothing else, from the first to the last', () => {
    fc.assert(
      fc.property(written, ipv4, ipv6, (range, four, six) => {
        fc.pre(!touchesMapped(range));
        const read = parseRange(range.text) as AddressRange;
        expect([range.text, read]).not.toEqual([range.text, null]);
        const [kept, list] = [parseRange(formatRange(read)), new AddressList([range.text])];
        expect(kept).toEqual(read);
        expect(formatRange(kept as AddressRange)).toBe(formatRange(read));
        const most = 2n ** BigInt(BITS[range.family]) - 1n;
        const near = [range.first, range.last, range.first - 1n, range.last + 1n, (range.first + range.last) / 2n];
        for (const value of [...near, range.family === 4 ? four : six].filter((each) => each >= 0n && each <= most)) {
          // A number of the mapped space is no IPv6 address, and in no IPv6 range.
          const isMember = value >= range.first && value <= range.last && !(range.family === 6 && isMapped(value));
          const text = range.family === 4 ? dotted(value) : spelled(value, PLAIN);
          expect([text, list.holds(text)]).toEqual([text, isMember]);
          if (range.family === 4) expect(list.holds(`::ffff:${text}`)).toBe(isMember);
          else if (!isMapped(value)) expect(rangeHolds(read, { family: 6, value })).toBe(isMember);
        }
        // The other family is never in it, whatever the numbers.
        const other = range.family === 4 ? spelled(six, PLAIN) : dotted(four);
        if (range.family === 6 || !isMapped(six)) expect(list.holds(other)).toBe(false);
      }),
      { numRuns: 3_000 },
    );
  });

  it('of IPv6 is refused when it straddles the mapped space, and is an IPv4 range when it lies in it', () => {
    const around = fc.nat(128).map((prefix): Written => {
      const size = 2n ** BigInt(128 - prefix);
      const first = (MAPPED.first / size) * size;
      return { family: 6, first, last: first + size - 1n, text: `${spelled(first, PLAIN)}/${prefix}` };
    });
    fc.assert(
      fc.property(fc.oneof(around, written), (range) => {
        fc.pre(touchesMapped(range));
        const read = parseRange(range.text);
        if (!isInsideMapped(range)) expect([range.text, read]).toEqual([range.text, null]);
        else expect(read).toMatchObject({ family: 4, network: range.first - MAPPED.first });
      }),
    );
  });

  it('with a bit of a host in it, or a length that is none, is refused', () => {
    fc.assert(
      fc.property(written, fc.bigInt({ min: 1n, max: 2n ** 128n - 1n }), (range, bits) => {
        const address = range.text.slice(0, range.text.indexOf('/'));
        const length = range.text.slice(range.text.indexOf('/') + 1);
        for (const wrong of [
          '',
          '-1',
          '+8',
          `0${length}`,
          ` ${length}`,
          `${length} `,
          '129',
          '1e1',
          '8.0',
          '0x8',
          `${length}/8`,
          'a',
        ])
          expect(parseRange(`${address}/${wrong}`)).toBeNull();
        const size = range.last - range.first + 1n;
        fc.pre(size > 1n);
        const host = range.first + 1n + (bits % (size - 1n));
        const text = range.family === 4 ? dotted(host) : spelled(host, PLAIN);
        const prefix = range.family === 4 && range.text.includes(':') ? Number(length) - 96 : Number(length);
        expect([text, parseRange(`${text}/${prefix}`)]).toEqual([text, null]);
      }),
      { numRuns: 2_000 },
    );
  });

  it('among others is held by a list as by one of them, and what cannot be read holds nobody', () => {
    fc.assert(
      fc.property(fc.array(written, { maxLength: 8 }), ipv4, (ranges, value) => {
        const list = new AddressList([...ranges.map(({ text }) => text), '0.0.0.1/0', '::ffff:0:0/8', '']);
        const expected = ranges.some(
          (range) =>
            (range.family === 4 && value >= range.first && value <= range.last) ||
            (range.family === 6 &&
              isInsideMapped(range) &&
              value + MAPPED.first >= range.first &&
              value + MAPPED.first <= range.last),
        );
        expect(list.holds(dotted(value))).toBe(expected);
      }),
    );
  });
});

const PLAIN: Style = { zeros: [], upper: false, gap: 0, gapLength: 0, mixed: false };
