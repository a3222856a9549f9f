import { configSchema } from './config.js';

const read = (proxies?: string) =>
  configSchema.safeParse({
    ...{ PALISADE_NATS_URL: 'nats://127.0.0.1:4222', PALISADE_NATS_PASSWORD: 'p', PALISADE_SPOOL_DIR: '/spool' },
    ...(proxies === undefined ? {} : { PALISADE_TRUSTED_PROXIES: proxies }),
  });

describe('trusted proxies', () => {
  it('are addresses and CIDRs between commas', () => {
    const trusted = read('192.0.2.1, 2001:db8::/32').data?.PALISADE_TRUSTED_PROXIES;
    expect(['192.0.2.1', '2001:db8::1', '192.0.2.2'].map((address) => trusted?.holds(address))).toEqual([true, true, false]);
  });

  it('are nobody where none is named', () => {
    for (const none of [undefined, '']) expect(read(none).data?.PALISADE_TRUSTED_PROXIES.holds('127.0.0.1')).toBe(false);
  });

  it.each(['192.0.2.1 192.0.2.2', '192.0.2.1,', '192.0.2.0/33', 'proxy'])('are not %p', (text) => {
    expect(read(text).error?.issues.map(({ path }) => path)).toEqual([['PALISADE_TRUSTED_PROXIES']]);
  });
});
