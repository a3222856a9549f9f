import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startSystem, type System } from '#testing';
import { whileBrokerStands } from './broker-pause.js';
import { ForwardingProxy } from './forwarding-proxy.js';
import { askFrom, listenFrom, type Ask, type Listening } from './from-address.js';
import { answered, eventually, everyRow, made, newPassword, outcome, outcomeOf, Staff, type Json, type Person } from './staff.js';

const ROOT = join(import.meta.dirname, '..', '..');
const [OFFICE, ELSEWHERE, PROXY, LOOPBACK6] = ['127.0.0.5', '127.0.0.6', '127.0.0.2', '::1'];
/** A change ends a stream within this time, milliseconds (ADR 19). */
const SOON_MS = 1_000;
const REFUSED = '403 ip-not-allowed';

/** Headers by which a client may try to say where he is. */
const forgedAs = (address: string): Record<string, string | string[]>[] => [
  { 'x-forwarded-for': address },
  { 'x-forwarded-for': `${address}, ${address}` },
  { 'x-forwarded-for': [address, address] },
  { 'X-FORWARDED-FOR': `::ffff:${address}` },
  { forwarded: `for=${address};proto=https` },
  { forwarded: `for="[::ffff:${address}]"` },
  { 'x-real-ip': address },
  { 'true-client-ip': address },
  { 'cf-connecting-ip': address },
  { 'x-client-ip': address },
  { 'x-cluster-client-ip': address },
  { 'x-original-forwarded-for': address },
  { 'x-forwarded': address },
  { 'forwarded-for': address },
  { via: `1.1 ${address}` },
];

/** Two gateways on every address of this machine, IPv6 as well; 127.0.0.2 is a proxy of ours. */
describe('addresses', () => {
  let system: System;
  let staff: Staff;
  let manager: Person;
  let proxies: ForwardingProxy[];
  let open: Json;

  beforeAll(async () => {
    system = await startSystem({ gateways: 2, env: { PALISADE_HOST: '::', PALISADE_TRUSTED_PROXIES: PROXY } });
    staff = await Staff.of(system);
    const rights = { contact: { view: 'allowed' }, monitoring: { view: 'allowed' }, apiTokens: { create: 'allowed' } } as const;
    manager = await staff.person({ grants: rights });
    open = await answered(200, staff.admin.get('/v1/settings/security'));
    proxies = await Promise.all(system.gatewayUrls.map((url) => ForwardingProxy.open(PROXY, url)));
  }, 100_000);
  afterAll(async () => {
    await Promise.all((proxies ?? []).map((proxy) => proxy.close()));
    await system?.stop();
  });
  afterEach(async () => {
    await answered(200, staff.admin.put('/v1/settings/security', open));
  });

  const listOf = (cidrs: readonly string[], more: Json = {}): Json => ({
    ...open,
    ipAllowList: { enabled: true, exemptAdmins: true, entries: cidrs.map((cidr) => ({ cidr, note: '' })), ...more },
  });
  const allow = async (...cidrs: string[]): Promise<void> => {
    await answered(200, staff.admin.put('/v1/settings/security', listOf(cidrs)));
  };
  /** The same question to each gateway: the answers must be one. */
  const from = async (
    address: string,
    ask: Ask & { path?: string; method?: string; urls?: readonly string[] },
  ): Promise<string> => {
    const { path = '/v1/contacts', method = 'GET', urls = urlsFor(address), ...rest } = ask;
    const given = await Promise.all(urls.map((url) => askFrom(address, method, url + path, rest)));
    return [...new Set(given.map(outcomeOf))].join(' and ');
  };
  const urlsFor = (address: string): string[] =>
    system.gatewayUrls.map((url) => (address.includes(':') ? url.replace('127.0.0.1', `[${address}]`) : url));
  const proxied = (): string[] => proxies.map(({ url }) => url);
  const asManager = (): Ask => ({ token: manager.client.token });

  it('are told apart in both families, from the next request on, at every gateway', async () => {
    const seen = (): Promise<string[]> =>
      Promise.all([OFFICE, ELSEWHERE, LOOPBACK6].map((address) => from(address, asManager())));
    expect(await seen()).toEqual(['200', '200', '200']);
    await allow(OFFICE);
    expect(await seen()).toEqual(['200', REFUSED, REFUSED]);
    await allow(`::ffff:${ELSEWHERE}`);
    expect(await seen()).toEqual([REFUSED, '200', REFUSED]);
    await allow('0:0:0:0:0:0:0:1');
    expect(await seen()).toEqual([REFUSED, REFUSED, '200']);
    await allow('::/127');
    expect(await seen()).toEqual([REFUSED, REFUSED, '200']);
    await allow('0.0.0.0/0');
    expect(await seen()).toEqual(['200', '200', REFUSED]);
  });

  it('are not what a stranger writes into headers', async () => {
    await allow(OFFICE);
    for (const headers of forgedAs(OFFICE))
      expect([headers, await from(ELSEWHERE, { ...asManager(), headers })]).toEqual([headers, REFUSED]);
    for (const headers of forgedAs(ELSEWHERE))
      expect([headers, await from(OFFICE, { ...asManager(), headers })]).toEqual([headers, '200']);
    // Not even the proxy's own name helps one who does not come from it.
    expect(await from(ELSEWHERE, { ...asManager(), headers: { 'x-forwarded-for': `${OFFICE}, ${PROXY}` } })).toBe(REFUSED);
  });

  it('behind a trusted proxy are the ones it saw, whatever was written before', async () => {
    const urls = proxied();
    await allow(OFFICE);
    expect(await from(OFFICE, { ...asManager(), urls })).toBe('200');
    expect(await from(ELSEWHERE, { ...asManager(), urls })).toBe(REFUSED);
    for (const headers of forgedAs(OFFICE))
      expect([headers, await from(ELSEWHERE, { ...asManager(), urls, headers })]).toEqual([headers, REFUSED]);
    for (const headers of [...forgedAs(ELSEWHERE), ...forgedAs('unknown'), ...forgedAs('256.1.1.1')])
      expect([headers, await from(OFFICE, { ...asManager(), urls, headers })]).toEqual([headers, '200']);
    // The proxy itself is no client that was let in.
    for (const headers of [
      {},
      ...forgedAs(OFFICE).filter((forged) => !Object.keys(forged).some((name) => /^x-forwarded-for$/i.test(name))),
    ])
      expect([headers, await from(PROXY, { ...asManager(), headers })]).toEqual([headers, REFUSED]);
  });

  it('that a trusted proxy tells and nobody can read are refused, list or no list', async () => {
    const unreadable = [
      ...[
        'unknown',
        '_hidden',
        `${OFFICE}:443`,
        `[${LOOPBACK6}]`,
        `"${OFFICE}"`,
        '127.0.0.05',
        '127.5',
        '0x7f000005',
        '2130706437',
      ],
      ...[`${OFFICE},`, `${OFFICE}, ,${PROXY}`, `${OFFICE} ${OFFICE}`, 'fe80::1%eth0', `for=${OFFICE}`, '127.0.0.5\u00a0'],
    ];
    for (const list of [[], [OFFICE, '0.0.0.0/0', '::1']]) {
      if (list.length > 0) await allow(...list);
      for (const told of unreadable)
        expect([told, await from(PROXY, { ...asManager(), headers: { 'x-forwarded-for': told } })]).toEqual([told, REFUSED]);
      expect(await from(PROXY, { ...asManager(), headers: { 'x-forwarded-for': ` ${OFFICE} , ${PROXY} ` } })).toBe('200');
    }
    const body = { email: manager.email, password: manager.password };
    expect(await from(PROXY, { method: 'POST', path: '/v1/sessions', body, headers: { 'x-forwarded-for': 'unknown' } })).toBe(
      REFUSED,
    );
  });

  it('taken off the list end what is open within a second, at every gateway, with a broker or without', async () => {
    const path = '/v1/alerts/stream';
    const listen = async (address: string, urls: readonly string[], token: string | undefined): Promise<Listening[]> =>
      Promise.all(urls.map((url) => listenFrom(address, url + path, token)));
    const endsSoon = (stream: Listening): Promise<boolean> =>
      Promise.race([stream.ended.then(() => true), sleep(SOON_MS).then(() => false)]);
    const { id: tokenId, token } = (await made(
      staff.admin.post('/v1/api-tokens', { name: 'Listener', scopes: ['monitoring:read'] }),
    )) as unknown as { id: string; token: string };

    const round = async (change: () => Promise<unknown>): Promise<void> => {
      await allow(OFFICE, ELSEWHERE);
      const leaving = [
        ...(await listen(ELSEWHERE, urlsFor(ELSEWHERE), manager.client.token)),
        ...(await listen(ELSEWHERE, proxied(), manager.client.token)),
        // Its owner is exempt; it is not.
        ...(await listen(ELSEWHERE, urlsFor(ELSEWHERE), token)),
      ];
      const staying = [
        ...(await listen(OFFICE, [...urlsFor(OFFICE), ...proxied()], manager.client.token)),
        ...(await listen(ELSEWHERE, urlsFor(ELSEWHERE), staff.admin.token)),
      ];
      await change();
      expect(await Promise.all(leaving.map(endsSoon))).toEqual(leaving.map(() => true));
      expect(await Promise.all(staying.map(endsSoon))).toEqual(staying.map(() => false));
      for (const stream of staying) stream.close();
      await expect(listen(ELSEWHERE, urlsFor(ELSEWHERE), manager.client.token)).rejects.toThrow('403');
    };
    await round(() => allow(OFFICE));
    // Without a broker nobody saves a list, for core is not reached; a token can be ended still.
    await allow(OFFICE, ELSEWHERE);
    const quiet = await listen(ELSEWHERE, urlsFor(ELSEWHERE), token);
    await whileBrokerStands(system, async () => {
      await answered(204, staff.admin.delete(`/v1/api-tokens/${tokenId}`));
      expect(await Promise.all(quiet.map(endsSoon))).toEqual([true, true]);
    });
    await system.waitUntilReady();
  });

  it('make every sign-in from elsewhere alike, save an exempt administrator’s', async () => {
    await allow(OFFICE);
    const signIn = (urls: readonly string[], email: string, password: string): Promise<string> =>
      from(ELSEWHERE, { method: 'POST', path: '/v1/sessions', body: { email, password }, urls });
    for (const urls of [urlsFor(ELSEWHERE), proxied()]) {
      const tried = [
        await signIn(urls, manager.email, manager.password),
        await signIn(urls, manager.email, newPassword()),
        await signIn(urls, 'nobody@palisade.test', newPassword()),
        await signIn(urls, system.admin.email, newPassword()),
      ];
      expect(tried).toEqual([REFUSED, REFUSED, REFUSED, REFUSED]);
      expect(await signIn(urls, system.admin.email, system.admin.password)).toBe('201');
    }
  });

  it('of tokens are never exempt, and of whoever saves a list are on it', async () => {
    const scopes = ['contacts:read', 'settings:write'];
    const { token } = (await made(staff.admin.post('/v1/api-tokens', { name: 'Token', scopes }))) as unknown as { token: string };
    await allow(OFFICE);
    expect(await from(ELSEWHERE, { token })).toBe(REFUSED);
    expect(await from(ELSEWHERE, { token: staff.admin.token })).toBe('200');
    expect(await from(OFFICE, { token })).toBe('200');

    const strict = { exemptAdmins: false };
    const save = (address: string, cidrs: string[], more: Json = {}, urls?: string[]): Promise<string> =>
      from(address, {
        ...{
          token: staff.admin.token,
          method: 'PUT',
          path: '/v1/settings/security',
          body: listOf(cidrs, { ...strict, ...more }),
        },
        urls: (urls ?? urlsFor(address)).slice(0, 1),
      });
    const before = await staff.admin.get('/v1/settings/security');
    expect(await save(ELSEWHERE, [OFFICE])).toBe('409 would-lock-you-out');
    expect(await save(ELSEWHERE, [PROXY], {}, proxied())).toBe('409 would-lock-you-out');
    expect(await save(ELSEWHERE, [], { confirmEmpty: true })).toBe('409 would-lock-you-out');
    expect(await save(ELSEWHERE, [ELSEWHERE, '010.0.0.1', '10.0.0.1/8'])).toBe('422 invalid-cidr');
    const after = await staff.admin.get('/v1/settings/security');
    expect([after.body, after.headers.get('etag')]).toEqual([before.body, before.headers.get('etag')]);
    expect(await save(ELSEWHERE, [ELSEWHERE, '127.0.0.1'], {}, proxied())).toBe('200');
    expect(await from(OFFICE, { token: staff.admin.token })).toBe(REFUSED);
  });

  it('can be cleared on the machine itself when nobody can come in', async () => {
    // The office moves: nobody has the one address of the list any more.
    const body = listOf([OFFICE], { exemptAdmins: false });
    expect(await from(OFFICE, { token: staff.admin.token, method: 'PUT', path: '/v1/settings/security', body })).toBe('200');
    const { email, password } = system.admin;
    const tryAll = async (): Promise<string[]> => [
      await outcome(staff.admin.get('/v1/users')),
      await from(LOOPBACK6, { method: 'POST', path: '/v1/sessions', body: { email, password } }),
      await from(ELSEWHERE, asManager()),
    ];
    expect(await tryAll()).toEqual([REFUSED, REFUSED, REFUSED]);

    const saved = await rescue(system);
    expect(saved).toEqual({ code: 0, said: expect.stringMatching(/it was on, with 1 entries/) as unknown });
    expect(await tryAll()).toEqual(['200', '201', '200']);
    const now = await staff.admin.get<{ ipAllowList: Json }>('/v1/settings/security');
    expect(now.body.ipAllowList).toEqual({ enabled: false, exemptAdmins: false, entries: [] });

    const entry = await eventually('the rescue in the audit trail', async () => {
      const items = await everyRow<Json & { details: { before: Json; after: Json } }>(
        staff.admin,
        '/v1/audit?type=settings.changed',
      );
      return items.find(({ actorId }) => actorId === '00000000-0000-8000-8000-000000000000');
    });
    expect(entry).toMatchObject({
      ip: null,
      details: {
        before: { ipAllowList: { enabled: true, entries: [{ cidr: OFFICE }] } },
        after: { ipAllowList: { enabled: false, entries: [] } },
        weakened: ['ipAllowList.enabled'],
      },
    });
    await eventually('the alarm', async () => {
      const { items } = await answered(200, staff.admin.get<{ items: Json[] }>('/v1/alerts'));
      return items.find(({ type, userId }) => type === 'settings.weakened' && userId === entry['actorId']);
    });

    const again = await rescue(system);
    expect(again).toEqual({ code: 0, said: expect.stringContaining('nothing was changed') as unknown });
    const later = await staff.admin.get('/v1/settings/security');
    expect(later.headers.get('etag')).toBe(now.headers.get('etag'));
  });
});

/** `npm run rescue`, on the installation that runs; without the key that core was given. */
async function rescue(system: System): Promise<{ code: number | null; said: string }> {
  const ambient = Object.entries(process.env).filter(([name]) => !name.startsWith('PALISADE_') && !name.startsWith('JEST_'));
  const env = { ...Object.fromEntries(ambient), PALISADE_DATA_DIR: system.dataDir };
  const script = [join(ROOT, 'deploy', 'run.mjs'), 'deploy/src/core-tool.js', 'rescue'];
  const child = spawn(process.execPath, script, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (said += part.toString('utf8')));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, said };
}
