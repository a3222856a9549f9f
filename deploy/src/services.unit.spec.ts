import { readStartConfig } from './config.js';
import { natsLogins, newSecrets, type Connections } from './connections.js';
import type { Service } from './service-names.js';
import { serviceInstances } from './services.js';

const secrets = newSecrets();
const connections: Connections = {
  database: {
    superuser: 'postgres://super',
    core: 'postgres://core',
    gateway: 'postgres://gateway',
    monitor: 'postgres://monitor',
  },
  nats: { url: 'nats://127.0.0.1:4222', users: natsLogins(secrets) },
};
const kek = Buffer.alloc(32, 7).toString('base64');
const config = readStartConfig({ PALISADE_GATEWAYS: '2', PALISADE_KEK: kek, PALISADE_HOST: '0.0.0.0' }, '/work');
const instances = serviceInstances({
  ...{ config, connections, builtFolder: '/dist' },
  healthPorts: { 'crm-core-0': 5001, 'activity-monitor-0': 5002 },
  firstAdministrator: { email: 'admin@palisade.local', password: 'planted-password' },
  ambient: { PATH: '/bin', PALISADE_DATABASE_URL: 'postgres://super', SECRET_OF_THE_SHELL: 'x' },
});
const of = (service: Service) => instances.filter((instance) => instance.service === service);

describe('the environment of a service', () => {
  it('holds its own login and nobody else’s', () => {
    for (const { service, env } of instances) {
      const text = JSON.stringify(env);
      const own = {
        'crm-core': 'core',
        'access-gateway': 'gateway',
        'activity-monitor': 'monitor',
        'lead-ingest': 'ingest',
      } as const;
      for (const user of ['core', 'gateway', 'monitor', 'ingest'] as const) {
        expect(text.includes(secrets.nats[user])).toBe(user === own[service]);
      }
      expect(text).not.toContain('postgres://super');
      expect(text).not.toContain('SECRET_OF_THE_SHELL');
    }
  });

  it('gives keys to core, the first administrator to gateways, no database to ingest', () => {
    const holders = (secret: string) =>
      new Set(instances.filter(({ env }) => JSON.stringify(env).includes(secret)).map(({ service }) => service));
    expect(holders(kek)).toEqual(new Set(['crm-core']));
    expect(holders('/.data/keys')).toEqual(new Set(['crm-core']));
    expect(holders('planted-password')).toEqual(new Set(['access-gateway']));
    expect(of('lead-ingest')[0]?.env['PALISADE_DATABASE_URL']).toBeUndefined();
  });

  it('opens to the network only what is public', () => {
    expect(of('access-gateway').map(({ env }) => [env['PALISADE_HOST'], env['PALISADE_PORT']])).toEqual([
      ['0.0.0.0', '3000'],
      ['0.0.0.0', '3001'],
    ]);
    expect(of('lead-ingest')[0]?.env['PALISADE_PORT']).toBe('3002');
    for (const service of ['crm-core', 'activity-monitor'] as const)
      expect(of(service)[0]?.env['PALISADE_HOST']).toBe('127.0.0.1');
    expect(of('access-gateway')[1]?.readyUrl).toBe('http://127.0.0.1:3001/health/ready');
    expect(of('crm-core')[0]?.readyUrl).toBe('http://127.0.0.1:5001/health/ready');
  });
});
