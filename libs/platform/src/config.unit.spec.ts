import { z } from 'zod';
import { Secret } from '#kernel';
import { ConfigError, readConfig, setting } from './index.js';

const schema = z.object({
  PALISADE_PORT: setting.port(),
  PALISADE_HOST: setting.host().default('127.0.0.1'),
  PALISADE_DATABASE_URL: setting.secretUrl('postgres'),
  PALISADE_NATS_URL: setting.url('nats'),
  PALISADE_KEY: setting.secret(8),
  PALISADE_STRICT: setting.flag().default(true),
  PALISADE_RATE: setting.integer(1, 600).default(60),
  PALISADE_LOG_LEVEL: setting.logLevel().default('info'),
});
const good = {
  PALISADE_PORT: '3000',
  PALISADE_DATABASE_URL: 'postgres://u:hunter2@127.0.0.1/db',
  PALISADE_NATS_URL: 'nats://127.0.0.1:4222',
  PALISADE_KEY: 'hunter2-hunter2',
  PALISADE_HOST: '',
  PATH: '/bin',
};

describe('readConfig', () => {
  it('reads typed, frozen settings and takes an empty value for an absent one', () => {
    const config = readConfig(schema, good);
    expect(config).toMatchObject({ PALISADE_PORT: 3000, PALISADE_HOST: '127.0.0.1', PALISADE_STRICT: true, PALISADE_RATE: 60 });
    expect(config.PALISADE_KEY).toBeInstanceOf(Secret);
    expect(config.PALISADE_DATABASE_URL.expose()).toBe(good.PALISADE_DATABASE_URL);
    expect(Object.isFrozen(config)).toBe(true);
    expect(JSON.stringify(config)).not.toContain('hunter2');
  });

  it('lists everything that is wrong, by name, without a value', () => {
    const wrong = {
      PALISADE_PORT: '70000',
      PALISADE_DATABASE_URL: 'mysql://u:hunter2@h/db',
      PALISADE_NATS_URL: 'nats://u:hunter2@h',
      PALISADE_STRICT: 'hunter2',
      PALISADE_RATE: '601',
      PALISADE_LOG_LEVEL: 'hunter2',
    };
    const error = caught(() => readConfig(schema, wrong));
    expect(error).toBeInstanceOf(ConfigError);
    const { problems, message } = error as ConfigError;
    expect(problems.map((problem) => problem.split(':')[0])).toEqual([
      'PALISADE_PORT',
      'PALISADE_DATABASE_URL',
      'PALISADE_NATS_URL',
      'PALISADE_KEY',
      'PALISADE_STRICT',
      'PALISADE_RATE',
      'PALISADE_LOG_LEVEL',
    ]);
    expect(problems).toContain('PALISADE_KEY: is missing');
    expect(message).not.toContain('hunter2');
    expect(message).not.toContain('70000');
  });
});

function caught(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}
