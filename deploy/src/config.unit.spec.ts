import fc from 'fast-check';
import { ConfigError, readStartConfig } from './config.js';

const read = (env: Record<string, string>) => readStartConfig(env, '/srv');

function problems(env: Record<string, string>): readonly string[] {
  try {
    read(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe('readStartConfig', () => {
  it('needs nothing', () => {
    expect(read({})).toMatchObject({
      dataDir: '/srv/.data',
      headsFile: '/srv/.data/heads/heads.jsonl',
      host: '127.0.0.1',
      gatewayPorts: [3000],
      ingestPorts: [3001],
      administrator: { email: 'admin@palisade.local' },
      unknown: [],
    });
  });

  it('is frozen, and takes an empty value for an absent one', () => {
    const config = read({ PALISADE_GATEWAY_PORT: '', PALISADE_KEK: '' });
    expect(config.gatewayPorts).toEqual([3000]);
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.instances)).toBe(true);
  });

  it('lists everything that is wrong, by name', () => {
    const wrong = {
      PALISADE_GATEWAY_PORT: '70000',
      PALISADE_CORES: '9',
      PALISADE_MONITORS: '0',
      PALISADE_HOST: 'localhost;',
      PALISADE_DATABASE_URL: 'mysql://x',
      PALISADE_NATS_URL: 'nats://user:password@host',
      PALISADE_ADMIN_EMAIL: 'nobody',
      PALISADE_ADMIN_PASSWORD: 'elevenchars',
      PALISADE_TRUSTED_PROXIES: '10.0.0.0/33',
      PALISADE_KEK: 'c2hvcnQ=',
      PALISADE_FORM_RATE: '0',
      PALISADE_RUSH_PAUSE_MS: '10001',
      PALISADE_DATABASE_ANSWER_MS: '99',
      PALISADE_LOG_LEVEL: 'loud',
      PALISADE_HEADS_WEBHOOK: 'https://user:password@host/heads',
      PALISADE_TELEPHONY_URL: 'ftp://host/calls',
      PALISADE_TELEPHONY_SECRET: 'short',
    };
    const found = problems(wrong);
    for (const name of Object.keys(wrong)) expect(found.filter((problem) => problem.startsWith(`${name}:`))).toHaveLength(1);
  });

  it('takes a telephone system only with the secret that signs for it', () => {
    const url = { PALISADE_TELEPHONY_URL: 'https://pbx.example/calls' };
    expect(problems(url)).toEqual([expect.stringContaining('PALISADE_TELEPHONY_SECRET: expected with')]);
    expect(problems({ ...url, PALISADE_TELEPHONY_SECRET: 's'.repeat(32) })).toEqual([]);
  });

  it('quotes no secret', () => {
    const secrets = {
      PALISADE_ADMIN_PASSWORD: 'hunter2',
      PALISADE_KEK: 'a-planted-key',
      PALISADE_DATABASE_URL: 'x://u:planted@h',
    };
    const text = problems(secrets).join();
    for (const secret of ['hunter2', 'a-planted-key', 'planted']) expect(text).not.toContain(secret);
  });

  it('moves the default ingest port behind the gateways', () => {
    expect(read({ PALISADE_GATEWAYS: '2' })).toMatchObject({
      gatewayPorts: [3000, 3001],
      ingestPorts: [3002],
      ingestPortMoved: true,
    });
  });

  it('refuses an ingest port that was asked for and is a gateway’s', () => {
    const found = problems({ PALISADE_GATEWAYS: '2', PALISADE_INGEST_PORT: '3001' });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/PALISADE_INGEST_PORT.*PALISADE_GATEWAY_PORT.*3001/);
  });

  it('refuses ports beyond the last', () => {
    expect(problems({ PALISADE_GATEWAY_PORT: '65535', PALISADE_GATEWAYS: '2' })[0]).toMatch(/^PALISADE_GATEWAY_PORT/);
  });

  it('never gives one port to two instances', () => {
    const port = fc.option(fc.integer({ min: 1, max: 65_535 }).map(String), { nil: '' });
    const count = fc.integer({ min: 1, max: 8 }).map(String);
    fc.assert(
      fc.property(port, port, count, count, (gateway, ingest, gateways, ingests) => {
        const env = {
          PALISADE_GATEWAY_PORT: gateway,
          PALISADE_INGEST_PORT: ingest,
          PALISADE_GATEWAYS: gateways,
          PALISADE_INGESTS: ingests,
        };
        if (problems(env).length > 0) return;
        const { gatewayPorts, ingestPorts } = read(env);
        const all = [...gatewayPorts, ...ingestPorts];
        expect(new Set(all).size).toBe(Number(gateways) + Number(ingests));
        expect(Math.max(...all)).toBeLessThanOrEqual(65_535);
      }),
    );
  });

  it('points at names that nothing reads', () => {
    expect(read({ PALISADE_GATEWAY_PROT: '1', HOME: '/root' }).unknown).toEqual(['PALISADE_GATEWAY_PROT']);
  });
});
