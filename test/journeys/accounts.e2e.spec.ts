import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Secret as OtpSecret, TOTP } from 'otpauth';
import { HttpClient, startSystem, testPool, type HttpAnswer, type System } from '#testing';
import { askFrom, listenFrom } from './from-address.js';
import { answered, eventually, made, newPassword, outcome, outcomeOf, Staff, unique, type Json, type Person } from './staff.js';

/** The code of so many half minutes from now; the one of now is spent with the confirmation. */
const codeOf = (secret: string, steps = 0): string =>
  new TOTP({ secret: OtpSecret.fromBase32(secret) }).generate({ timestamp: Date.now() + steps * 30_000 });

describe('accounts', () => {
  let system: System;
  let staff: Staff;

  beforeAll(async () => {
    system = await startSystem({ gateways: 2 });
    staff = await Staff.of(system);
  }, 100_000);
  afterAll(() => system?.stop());

  const signIn = (person: { email: string; password: string }, more: Json = {}, gateway = 0): Promise<HttpAnswer<Json>> =>
    new HttpClient(system.gatewayUrls[gateway] as string).post('/v1/sessions', {
      email: person.email,
      password: person.password,
      ...more,
    });
  const setUpFactor = async ({ client }: Person): Promise<{ secret: string; recoveryCodes: string[] }> => {
    const { secret } = await answered(201, client.post<{ secret: string }>('/v1/me/totp'));
    const confirm = client.post<{ recoveryCodes: string[] }>('/v1/me/totp/confirm', { code: codeOf(secret) });
    return { secret, ...(await answered(200, confirm)) };
  };
  const anonymous = (): HttpClient => new HttpClient(system.gatewayUrl);

  describe('an invitation', () => {
    const invite = async (facts: Json = {}): Promise<{ id: string; email: string; inviteToken: string }> => {
      const email = `${unique('invited').toLowerCase()}@palisade.test`;
      const { id, inviteToken } = await made(staff.admin.post('/v1/users', { email, name: unique('Invited'), ...facts }));
      return { id, email, inviteToken: String(inviteToken) };
    };
    const accept = (token: string, password: string): Promise<string> =>
      outcome(anonymous().post(`/v1/invitations/${token}`, { password }));
    const statusOf = async (id: string): Promise<unknown> => (await staff.admin.get(`/v1/users/${id}`)).body['status'];
    const demote = async (id: string): Promise<string> => outcome(staff.admin.patch(`/v1/users/${id}`, { isAdmin: false }));

    it('makes an active person of an invited one, once, and of an invited administrator one who counts', async () => {
      const me = (await answered(200, staff.admin.get<{ user: { id: string } }>('/v1/me'))).user.id;
      const invited = await invite({ isAdmin: true });
      expect(await statusOf(invited.id)).toBe('invited');
      expect(await demote(me)).toBe('409 last-administrator');
      expect(await accept(invited.inviteToken, 'password1234')).toBe('422 password-too-weak');
      const password = newPassword();
      expect(await accept(invited.inviteToken, password)).toBe('200');
      expect(await accept(invited.inviteToken, password)).toBe('404 not-found');
      expect(await statusOf(invited.id)).toBe('active');
      expect(await demote(me)).toBe('422 own-privileges');
      const client = await anonymous().signIn(invited.email, password);
      await made(client.post('/v1/contacts', { name: 'Somebody' }));
      expect(await demote(invited.id)).toBe('200');
    });

    it('ends with the next one, and with a password that somebody sets', async () => {
      const invited = await invite();
      const again = await made(staff.admin.post(`/v1/users/${invited.id}/invitation`));
      expect(await accept(invited.inviteToken, newPassword())).toBe('404 not-found');
      const password = newPassword();
      await answered(200, staff.admin.patch(`/v1/users/${invited.id}`, { password }));
      expect(await accept(String(again['inviteToken']), newPassword())).toBe('404 not-found');
      expect(await statusOf(invited.id)).toBe('active');
      await anonymous().signIn(invited.email, password);
      expect(await outcome(staff.admin.post(`/v1/users/${invited.id}/invitation`))).toBe('409 already-active');
    });

    it('gives nobody who could be responsible before it is taken up', async () => {
      const invited = await invite();
      const contact = (): Promise<string> => outcome(staff.admin.post('/v1/contacts', { name: 'A', responsibleId: invited.id }));
      expect(await contact()).toBe('422 responsible-inactive');
      expect(await accept(invited.inviteToken, newPassword())).toBe('200');
      expect(await contact()).toBe('201');
    });

    it('under one key with a password and without is two bodies', async () => {
      const body = { email: `${unique('twice').toLowerCase()}@palisade.test`, name: 'Twice' };
      const key = { 'idempotency-key': unique('key') };
      await made(staff.admin.post('/v1/users', body, key));
      expect(await outcome(staff.admin.post('/v1/users', { ...body, password: newPassword() }, key))).toBe(
        '422 idempotency-key-reused',
      );
    });
  });

  describe('a second factor', () => {
    it('is asked for at every gateway, and takes each code once', async () => {
      const person = await staff.person();
      const { secret, recoveryCodes } = await setUpFactor(person);
      expect(recoveryCodes).toHaveLength(10);
      expect(outcomeOf(await signIn(person))).toBe('401 totp-required');
      expect(outcomeOf(await signIn(person, { totp: '000000' }, 1))).toBe('401 invalid-credentials');
      const totp = codeOf(secret, 1);
      const answers = await Promise.all([0, 1, 0, 1].map((gateway) => signIn(person, { totp }, gateway)));
      expect(answers.map(outcomeOf).sort()).toEqual(['201', ...Array.from({ length: 3 }, () => '401 invalid-credentials')]);
      const [code = ''] = recoveryCodes;
      expect(outcomeOf(await signIn(person, { totp: code }, 1))).toBe('201');
      expect(outcomeOf(await signIn(person, { totp: code }))).toBe('401 invalid-credentials');
      expect(await outcome(person.client.request('DELETE', '/v1/me/totp', { body: {} }))).toBe('422 validation-failed');
      expect(await outcome(person.client.request('DELETE', '/v1/me/totp', { body: { currentPassword: person.password } }))).toBe(
        '204',
      );
      expect(outcomeOf(await signIn(person))).toBe('201');
    });

    it('is kept under a key that is not in the database', async () => {
      const person = await staff.person();
      const { secret, recoveryCodes } = await setUpFactor(person);
      const keyFile = join(system.dataDir, 'gateway-keys', 'factor-key');
      expect(statSync(keyFile).mode & 0o777).toBe(0o600);
      const database = testPool(system.connections.database.gateway, 1);
      try {
        const { rows } = await database.query<{ text: string }>(
          `SELECT string_agg(t, ' ') AS text FROM (SELECT f::text AS t FROM access.second_factors f UNION ALL
             SELECT c::text FROM access.recovery_codes c UNION ALL SELECT s::text FROM access.secrets s) AS all_rows`,
        );
        const kept = rows[0]?.text ?? '';
        const key = Buffer.from(readFileSync(keyFile, 'utf8'), 'base64').toString('hex');
        expect(kept).toContain(person.id);
        for (const text of [secret, key, ...recoveryCodes.map((code) => code.replaceAll('-', '').toUpperCase())]) {
          expect(kept).not.toContain(text);
        }
      } finally {
        await database.end();
      }
    });

    it('that is lost is removed by an administrator', async () => {
      const person = await staff.person();
      await setUpFactor(person);
      expect(await outcome(staff.admin.delete(`/v1/users/${person.id}/totp`))).toBe('204');
      expect(await outcome(person.client.get('/v1/me'))).toBe('401 unauthenticated');
      expect(outcomeOf(await signIn(person))).toBe('201');
    });
  });

  describe('a browser', () => {
    it('works with its cookie, on a live stream too, and for pages of this host only', async () => {
      const person = await staff.person({ isAdmin: true });
      const signedIn = await signIn(person, { cookie: true });
      expect(signedIn.body['token']).toBeUndefined();
      expect(signedIn.text).not.toContain('pls_s_');
      const cookie = (signedIn.headers.get('set-cookie') ?? '').split(';')[0] as string;
      const ask = (
        method: string,
        path: string,
        headers: Readonly<Record<string, string>> = {},
        body?: unknown,
      ): Promise<string> =>
        askFrom('127.0.0.1', method, system.gatewayUrl + path, { headers: { cookie, ...headers }, body }).then(outcomeOf);
      const contact = { name: 'Of a browser' };
      expect(await ask('GET', '/v1/me')).toBe('200');
      expect(await ask('POST', '/v1/contacts', {}, contact)).toBe('403 cross-site-request');
      expect(await ask('POST', '/v1/contacts', { 'sec-fetch-site': 'cross-site' }, contact)).toBe('403 cross-site-request');
      expect(await ask('POST', '/v1/contacts', { origin: 'https://elsewhere.test' }, contact)).toBe('403 cross-site-request');
      expect(await ask('POST', '/v1/contacts', { origin: system.gatewayUrl }, contact)).toBe('201');
      expect(await ask('POST', '/v1/contacts', { 'sec-fetch-site': 'same-origin' }, contact)).toBe('201');
      expect(await ask('GET', '/v1/contacts', { 'sec-fetch-site': 'cross-site' })).toBe('403 cross-site-request');
      const stream = await listenFrom('127.0.0.1', `${system.gatewayUrl}/v1/alerts/stream`, undefined, { cookie });
      await eventually('the first comment', () => Promise.resolve(stream.text() === '' ? undefined : true));
      expect(await ask('DELETE', '/v1/sessions/current', { 'sec-fetch-site': 'same-origin' })).toBe('204');
      expect(await ask('GET', '/v1/me')).toBe('401 unauthenticated');
      stream.close();
    });
  });

  describe('sessions', () => {
    it('end with a new password, its own or one that is set, and with a deactivation', async () => {
      const person = await staff.person();
      const other = await anonymous().signIn(person.email, person.password);
      const newOne = newPassword();
      const change = { currentPassword: person.password, newPassword: newOne };
      expect(await outcome(person.client.put('/v1/me/password', change))).toBe('204');
      expect(await outcome(person.client.get('/v1/me'))).toBe('200');
      expect(await outcome(other.get('/v1/me'))).toBe('401 unauthenticated');
      await answered(200, staff.admin.patch(`/v1/users/${person.id}`, { password: person.password }));
      expect(await outcome(person.client.get('/v1/me'))).toBe('401 unauthenticated');
      const last = await anonymous().signIn(person.email, person.password);
      await answered(200, staff.admin.post(`/v1/users/${person.id}/deactivate`, { reason: 'he left' }));
      expect(await outcome(last.get('/v1/me'))).toBe('401 unauthenticated');
      await answered(200, staff.admin.post(`/v1/users/${person.id}/reactivate`, { reason: 'he is back' }));
      expect(await outcome(last.get('/v1/me'))).toBe('401 unauthenticated');
      const back = await anonymous().signIn(person.email, person.password);
      expect((await answered(200, back.get<{ items: Json[] }>('/v1/sessions'))).items).toHaveLength(1);
    });
  });

  describe('guessing', () => {
    it('is over after 20 failures at all gateways together, and never for an administrator elsewhere', async () => {
      const admin = await staff.person({ isAdmin: true });
      const guess = (from: string, gateway: number): Promise<string> =>
        askFrom(from, 'POST', `${system.gatewayUrls[gateway] as string}/v1/sessions`, {
          body: { email: admin.email, password: 'not the password' },
        }).then(outcomeOf);
      const outcomes = await Promise.all(Array.from({ length: 40 }, (_, index) => guess('127.0.7.1', index % 2)));
      expect(outcomes.filter((one) => one === '401 invalid-credentials')).toHaveLength(20);
      expect(outcomes.filter((one) => one === '429 too-many-attempts')).toHaveLength(20);
      expect(outcomeOf(await signIn(admin))).toBe('201');
    });
  });
});
