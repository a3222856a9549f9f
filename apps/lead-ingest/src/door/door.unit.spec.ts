import fc from 'fast-check';
import type { IntakeForm } from '#contracts';
import { addressGroup, clientAddress, TrustedProxies } from './client-address.js';
import { isOriginAllowed } from './origin.js';
import { RateWindow } from './rate-window.js';

describe('the client address', () => {
  const nobody = new TrustedProxies([]);
  const proxies = new TrustedProxies(['127.0.0.1', '10.0.0.0/8', '2001:db8::/32']);

  it.each([
    ['192.0.2.1', '1.2.3.4', nobody, '192.0.2.1'],
    ['::ffff:192.0.2.1', undefined, nobody, '192.0.2.1'],
    ['127.0.0.1', '198.51.100.1', proxies, '198.51.100.1'],
    ['127.0.0.1', '6.6.6.6, 198.51.100.1, 10.1.1.1', proxies, '198.51.100.1'],
    ['2001:db8::1', '::ffff:198.51.100.1', proxies, '198.51.100.1'],
    ['127.0.0.1', undefined, proxies, '127.0.0.1'],
    ['127.0.0.1', '010.1.1.1', proxies, '127.0.0.1'],
    ['10.2.2.2', '198.51.100.1, nonsense', proxies, '10.2.2.2'],
    ['::ffff:10.2.2.2', '2001:DB8:1::0:5', new TrustedProxies(['::ffff:10.0.0.0/104']), '2001:db8:1::5'],
    ['192.0.2.1', '198.51.100.1', proxies, '192.0.2.1'],
    ['', undefined, proxies, 'unknown'],
  ])('of socket %j and forwarded %j', (socket, forwarded, trusted, expected) => {
    expect(clientAddress(socket, forwarded, trusted)).toBe(expected);
  });

  it.each([
    '',
    '10.0.0.0/33',
    '10.0.0.1/8',
    '10.0.0.0/08',
    '010.0.0.0/8',
    '::ffff:10.0.0.0/8',
    'fe80::1%eth0',
    '1.2.3.4/8/8',
    'host',
  ])('trusts nothing like %j', (entry) => expect(() => new TrustedProxies([entry])).toThrow(RangeError));

  it('counts an IPv6 site as one', () => {
    expect(addressGroup('2001:db8:1:2::5')).toBe(addressGroup('2001:db8:1:2:ffff::9'));
    expect(addressGroup('2001:db8:1:3::5')).not.toBe(addressGroup('2001:db8:1:2::5'));
    expect(addressGroup('192.0.2.1')).toBe('192.0.2.1');
  });
});

describe('the origin', () => {
  const form = { allowedOrigins: ['https://shop.example', 'null'] } as unknown as IntakeForm;

  it.each([
    [undefined, true],
    ['https://shop.example', true],
    ['http://intake.example:3001', true],
    ['https://shop.example.evil.example', false],
    ['http://shop.example', false],
    ['null', false],
    ['', false],
  ])('%j', (origin, allowed) => expect(isOriginAllowed(origin, form, 'intake.example:3001')).toBe(allowed));
});

describe('the rate', () => {
  it('lets a minute have its number, then says when to come again', () => {
    let now = 60_000;
    const window = new RateWindow(3, () => now);
    expect([1, 2, 3].map(() => window.take('a'))).toEqual([0, 0, 0]);
    expect(window.take('b')).toBe(0);
    const seconds = window.take('a');
    expect(seconds).toBeGreaterThan(0);
    now += seconds * 1_000 - 1_500;
    expect(window.take('a')).toBeGreaterThan(0);
    now += 1_500;
    expect(window.take('a')).toBe(0);
  });

  it('never lets a calendar minute have more, and keeps its word about waiting', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 200 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), steps, (perMinute, waits) => {
        let now = 0;
        const taken = new Map<number, number>();
        const window = new RateWindow(perMinute, () => now);
        for (const wait of waits) {
          now += wait;
          const minute = Math.floor(now / 60_000);
          const seconds = window.take('a');
          expect(seconds).toBeLessThanOrEqual(120);
          if (seconds === 0) taken.set(minute, (taken.get(minute) ?? 0) + 1);
        }
        for (const count of taken.values()) expect(count).toBeLessThanOrEqual(perMinute);
      }),
    );
  });

  it('stays small under a flood of keys', () => {
    const window = new RateWindow(5, () => 0);
    let refused = 0;
    for (let index = 0; index < 60_000; index += 1) if (window.take(`k${index}`) > 0) refused += 1;
    expect(refused).toBe(60_000 - 50_000 - 5);
  });
});
