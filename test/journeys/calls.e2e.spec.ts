import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { connect } from '@nats-io/transport-node';
import { exportJWK, generateKeyPair } from 'jose';
import pg from 'pg';
import { startSystem, type HttpAnswer, type HttpClient, type System } from '#testing';
import { NumberScan } from '../../deploy/scan/number-scan.js';
import { scanFiles } from '../../deploy/scan/scan-files.js';
import { RecordingProxy } from './recording-proxy.js';
import {
  answered,
  eventually,
  everyRow,
  freshEmail,
  freshNumber,
  made,
  maskOf,
  outcome,
  outcomeOf,
  Staff,
  unique,
  type Grants,
  type Json,
  type Made,
  type Person,
} from './staff.js';
import { isSigned, TelephoneSystem } from './telephone-system.js';

const SECRET = 'a secret that only this test and its telephone system know';
const REASON = { reason: 'The customer asked to be called back' };
const MANAGER: Grants = {
  contact: { view: 'responsible', create: 'allowed', edit: 'responsible', call: 'responsible' },
  company: { view: 'responsible', create: 'allowed', call: 'responsible' },
  deal: { view: 'responsible', create: 'allowed', edit: 'responsible', move: 'responsible' },
  pipelines: { view: 'allowed' },
};
/** Sees everything there is, reveals and calls. */
const REVEALER: Grants = {
  contact: { view: 'allowed', call: 'allowed' },
  company: { view: 'allowed', call: 'allowed' },
  phone: { reveal: 'allowed' },
  email: { reveal: 'allowed' },
};

interface Exposure {
  readonly userId: string;
  readonly subjectType: string;
  readonly subjectId: string;
  readonly kind: string;
  readonly masked: boolean;
}
interface Entry {
  readonly type: string;
  readonly actorId: string | null;
  readonly details: Json;
}

describe('full numbers, lookups and calls', () => {
  const scan = new NumberScan();
  let telephones: TelephoneSystem;
  let system: System;
  let staff: Staff;
  let revealer: Person;

  beforeAll(async () => {
    telephones = await TelephoneSystem.open();
    system = await startSystem({
      gateways: 2,
      env: {
        ...{ PALISADE_TELEPHONY_URL: telephones.url, PALISADE_TELEPHONY_SECRET: SECRET },
        ...{ PALISADE_ALLOW_PRIVATE_TARGETS: 'true', PALISADE_LOG_LEVEL: 'debug' },
      },
    });
    staff = await Staff.of(system);
    revealer = await staff.person({ grants: REVEALER });
  }, 120_000);
  afterAll(async () => {
    await system?.stop();
    await telephones?.close();
  });

  const number = (): string => scan.plantNumber(freshNumber());
  const email = (): string => scan.plantEmail(freshEmail());
  /** A record with one number and one address, made by the administrator. */
  async function record(
    route: 'contacts' | 'companies',
    phone: string,
    body: Json = {},
  ): Promise<Made & { phoneId: string; emailId: string }> {
    const points = { phones: [{ number: phone }], emails: [{ address: email() }] };
    const card = await made(staff.admin.post(`/v1/${route}`, { name: unique('Record'), ...points, ...body }));
    const idOf = (list: unknown): string => (list as { id: string }[])[0]?.id ?? '';
    return { ...card, phoneId: idOf(card['phones']), emailId: idOf(card['emails']) };
  }
  const exposureOf = (subjectId: string, kind: string): Promise<Exposure[]> =>
    eventually(`an exposure ${kind}`, async () => {
      const { items } = await answered(200, staff.admin.get<{ items: Exposure[] }>(`/v1/exposure?contactId=${subjectId}`));
      const found = items.filter((item) => item.kind === kind);
      return found.length > 0 ? found : undefined;
    });
  const entries = async (type: string, fits: (entry: Entry) => boolean): Promise<Entry[]> =>
    (await everyRow<Entry>(staff.admin, `/v1/audit?type=${type}`)).filter(fits);
  const callOf = (client: HttpClient, callId: unknown, state: string): Promise<Json> =>
    eventually(`the call ${state}`, async () => {
      const body = await answered(200, client.get(`/v1/calls/${String(callId)}`));
      return body['state'] === state ? body : undefined;
    });

  it('a manager works a whole day, and not one full number or address crosses the wire', async () => {
    const [wire, manager] = [await RecordingProxy.open(system.gatewayUrl), await staff.person({ grants: MANAGER })];
    try {
      const client = manager.client.at(wire.url);
      const stream = await client.events('/v1/events/stream');
      const [numbers, addresses] = [
        [number(), number(), number()],
        [email(), email()],
      ] as const;
      const contact = await record('contacts', numbers[0], { responsibleId: manager.id, name: `Иван ${unique('Ким')}` });
      const company = await made(
        client.post('/v1/companies', {
          name: unique('ООО'),
          phones: [{ number: numbers[1] }],
          emails: [{ address: addresses[0] }],
        }),
      );
      // He finds and opens.
      const listed = await answered(200, client.get<{ items: Made[] }>(`/v1/contacts?q=${encodeURIComponent('иван')}`));
      expect(listed.items.map(({ id }) => id)).toEqual([contact.id]);
      const card = await answered(200, client.get(`/v1/contacts/${contact.id}`));
      expect(card['phones']).toEqual([{ id: contact.phoneId, label: null, masked: maskOf(numbers[0]) }]);
      await answered(200, client.get(`/v1/companies/${company.id}`));
      // He calls, and notes what was said.
      const { callId } = await answered(202, client.post(`/v1/contacts/${contact.id}/phones/${contact.phoneId}/call`));
      expect(await callOf(client, callId, 'handed-over')).toMatchObject({ recordId: contact.id, phoneId: contact.phoneId });
      const note = { note: `Перезвонить на ${numbers[2]}, почта ${addresses[1]}` };
      const changed = await client.patch(`/v1/contacts/${contact.id}`, note, { 'if-match': `"${String(card['version'])}"` });
      expect(outcomeOf(changed)).toBe('200');
      await answered(200, client.get(`/v1/contacts/${contact.id}/history`));
      // He moves a deal on.
      const { items: pipelines } = await answered(200, client.get<{ items: { stages: { id: string }[] }[] }>('/v1/pipelines'));
      const deal = await made(client.post('/v1/deals', { title: `Сделка ${numbers[2]}`, contactIds: [contact.id] }));
      await answered(200, client.post(`/v1/deals/${deal.id}/move`, { stageId: pipelines[0]?.stages[1]?.id }));
      await answered(200, client.get(`/v1/deals/${deal.id}`));
      // He looks up a number that he has on paper, and is not let at it otherwise.
      const found = await answered(200, client.post('/v1/lookups/phone', { number: numbers[0].replace('+7', '8') }));
      expect(found).toEqual({ matches: [{ type: 'contact', id: contact.id, name: contact['name'] }] });
      expect(await outcome(client.post(`/v1/contacts/${contact.id}/phones/${contact.phoneId}/reveal`, REASON))).toBe(
        '403 forbidden',
      );
      expect(await outcome(client.patch(`/v1/contacts/${contact.id}`, { phones: [{ number: '12345' }] }))).toBe(
        '422 invalid-phone',
      );
      // He is called.
      await answered(202, staff.admin.post('/v1/telephony/incoming', { number: numbers[0] }));
      for (let event = await stream.next(); event.event !== 'call.ringing'; event = await stream.next());
      const ringing = JSON.parse(stream.received.at(-1)?.data ?? '') as Json;
      expect(ringing).toMatchObject({ id: contact.id, recordType: 'contact', masked: maskOf(numbers[0]) });
      stream.close();
      expect(wire.received.length).toBeGreaterThan(4_000);
      expect(wire.received.includes(maskOf(numbers[0]))).toBe(true);
      expect(scan.scan('the wire', wire.received)).toEqual([]);
      // The telephone system got the number, and the scan would have seen it on the wire.
      expect(telephones.of(callId).map(({ body }) => body['number'])).toEqual([numbers[0]]);
      expect(scan.scan('the post', telephones.of(callId)[0]?.text ?? '')).not.toEqual([]);
    } finally {
      await wire.close();
    }
  });

  it('are revealed for a reason, which stands in the trail, and in full in the ledger', async () => {
    const [phone, other] = [number(), number()];
    const contact = await record('contacts', phone);
    const path = `/v1/contacts/${contact.id}/phones/${contact.phoneId}/reveal`;
    const reason = `Звонил с ${other}, не записано`;
    expect(await answered(200, staff.admin.post(path, { reason }))).toEqual({ number: phone });
    const { body: address } = await revealer.client.post(`/v1/contacts/${contact.id}/emails/${contact.emailId}/reveal`, REASON);
    expect(scan.scan('', JSON.stringify(address))).not.toEqual([]);
    const company = await record('companies', number());
    for (const [part, id] of [
      ['phones', company.phoneId],
      ['emails', company.emailId],
    ] as const)
      expect(await outcome(revealer.client.post(`/v1/companies/${company.id}/${part}/${id}/reveal`, REASON))).toBe('200');
    const [revealed] = await entries('phone.revealed', ({ details }) => details['contactId'] === contact.id);
    expect(revealed?.details).toEqual({
      ...{ contactId: contact.id, phoneId: contact.phoneId },
      reason: `Звонил с ${maskOf(other)}, не записано`,
    });
    expect(await entries('email.revealed', ({ details }) => details['contactId'] === contact.id)).toEqual([
      expect.objectContaining({ actorId: revealer.id, details: { contactId: contact.id, emailId: contact.emailId, ...REASON } }),
    ]);
    const shown = await exposureOf(contact.id, 'reveal');
    expect(shown.map(({ masked }) => masked)).toEqual(shown.map(() => false));
    // It is no change of the card.
    expect((await answered(200, staff.admin.get(`/v1/contacts/${contact.id}`)))['version']).toBe(contact.version);
  });

  it('are refused in the order of what may be known, and a refusal shows and counts nothing', async () => {
    const contact = await record('contacts', number());
    const own = await staff.person({ grants: { contact: { view: 'responsible' }, phone: { reveal: 'responsible' } } });
    const path = (client: HttpClient, point: string, body: unknown): Promise<string> =>
      outcome(client.post(`/v1/contacts/${contact.id}/${point}/reveal`, body));
    const phone = `phones/${contact.phoneId}`;
    expect(await path(own.client, phone, { reason: '' })).toBe('404 not-found');
    expect(await path(own.client, `emails/${contact.emailId}`, REASON)).toBe('403 forbidden');
    await answered(200, staff.admin.post(`/v1/contacts/${contact.id}/assign`, { responsibleId: own.id }));
    expect(await path(own.client, phone, REASON)).toBe('200');
    for (const unknown of [`phones/${contact.emailId}`, `phones/${contact.id}`, 'phones/1'])
      expect(await path(own.client, unknown, { reason: '' })).toBe('404 not-found');
    for (const reason of ['', '  a ', 'x'.repeat(501), 1, null])
      expect(await path(own.client, phone, { reason })).toBe('422 validation-failed');
    expect(await path(own.client, phone, { ...REASON, number: '1' })).toBe('422 validation-failed');
    expect(await exposureOf(contact.id, 'reveal')).toHaveLength(1);
  });

  it('come again under the same key by the rights of now, counted once', async () => {
    const phone = number();
    const contact = await record('contacts', phone);
    const person = await staff.person({ grants: { contact: { view: 'responsible' }, phone: { reveal: 'responsible' } } });
    await answered(200, staff.admin.post(`/v1/contacts/${contact.id}/assign`, { responsibleId: person.id }));
    const path = `/v1/contacts/${contact.id}/phones/${contact.phoneId}/reveal`;
    const ask = (body: unknown = REASON, gateway = 0): Promise<HttpAnswer<Json>> =>
      person.client.at(system.gatewayUrls[gateway] as string).post(path, body, { 'idempotency-key': 'once' });
    expect((await ask()).body).toEqual({ number: phone });
    // What is there now was not counted: a repeat shows what the first showed.
    await answered(200, staff.admin.patch(`/v1/contacts/${contact.id}`, { phones: [{ id: contact.phoneId, number: number() }] }));
    expect((await ask(REASON, 1)).body).toEqual({ number: phone });
    expect(outcomeOf(await ask({ reason: 'Another one' }))).toBe('422 idempotency-key-reused');
    expect(await exposureOf(contact.id, 'reveal')).toHaveLength(1);
    await answered(200, staff.admin.post(`/v1/contacts/${contact.id}/assign`, { responsibleId: null }));
    expect(outcomeOf(await ask())).toBe('404 not-found');
    expect(await entries('phone.revealed', ({ details }) => details['contactId'] === contact.id)).toHaveLength(1);
  });

  it('are found by the whole number only, each in sight and nobody else', async () => {
    const [phone, hidden, nobodys] = [number(), number(), number()];
    const manager = await staff.person({ grants: MANAGER });
    const mine = { responsibleId: manager.id };
    const [contact, company] = [await record('contacts', phone, mine), await record('companies', phone, mine)];
    await Promise.all([record('contacts', phone), record('contacts', hidden), record('companies', hidden)]);
    const look = (body: unknown): Promise<HttpAnswer<Json>> => manager.client.post('/v1/lookups/phone', body);
    const found = await answered(200, look({ number: phone }));
    expect(found['matches']).toEqual([
      { type: 'contact', id: contact.id, name: contact['name'] },
      { type: 'company', id: company.id, name: company['name'] },
    ]);
    // One lookup, on both: the gate has one count of it, the ledger both.
    expect(await exposureOf(contact.id, 'lookup')).toEqual([
      expect.objectContaining({ userId: manager.id, subjectType: 'contact' }),
    ]);
    expect(await exposureOf(company.id, 'lookup')).toEqual([
      expect.objectContaining({ userId: manager.id, subjectType: 'company' }),
    ]);
    const [outOfSight, unknown] = [await look({ number: hidden }), await look({ number: nobodys })];
    expect(outOfSight.text).toBe('{"matches":[]}');
    expect(outOfSight.text).toBe(unknown.text);
    expect([...outOfSight.headers.keys()].sort()).toEqual([...unknown.headers.keys()].sort());
    for (const part of [phone.slice(0, -1), phone.slice(-7), `${phone}0`, '', 'никто', `${phone}, ${hidden}`])
      expect(outcomeOf(await look({ number: part }))).toBe('422 incomplete-number');
    expect(outcomeOf(await look({ number: maskOf(phone) }))).toBe('422 masked-value');
    for (const body of [{}, { number: 1 }, { number: phone, type: 'contact' }, { number: '1'.repeat(101) }])
      expect(outcomeOf(await look(body))).toBe('422 validation-failed');
    const told = await entries('phone.lookedUp', ({ actorId }) => actorId === manager.id);
    expect(told.map(({ details }) => (details['matches'] as unknown[]).length)).toEqual([0, 0, 2]);
    // One key stands for one number: else it would be a lookup that nobody counts.
    const keyed = (text: string): Promise<HttpAnswer<Json>> =>
      manager.client.post('/v1/lookups/phone', { number: text }, { 'idempotency-key': 'look' });
    expect([outcomeOf(await keyed(nobodys)), outcomeOf(await keyed(hidden))]).toEqual(['200', '422 idempotency-key-reused']);
    // A token hears of the kinds of records that it is for, and the ledger of no others.
    const { id: tokenId, token } = await answered(
      201,
      staff.admin.post('/v1/api-tokens', { name: 'T', scopes: ['companies:read'] }),
    );
    const companies = staff.admin.withToken(String(token));
    const { matches } = await answered(200, companies.post<{ matches: Json[] }>('/v1/lookups/phone', { number: hidden }));
    expect(matches.map(({ type }) => type)).toEqual(['company']);
    expect(await exposureOf(String(matches[0]?.['id']), 'lookup')).toMatchObject([{ sessionId: null, tokenId }]);
    const [last] = await entries('phone.lookedUp', ({ details }) => JSON.stringify(details).includes(String(matches[0]?.['id'])));
    expect(last?.details['matches']).toHaveLength(1);
    const without = await staff.person({ grants: { deal: { view: 'allowed' } } });
    expect(await outcome(without.client.post('/v1/lookups/phone', { number: phone }))).toBe('403 forbidden');
  });

  it('are shown to whom they were counted, though another request cut him off since; to no repeat', async () => {
    const person = await staff.person({ grants: REVEALER });
    const contact = await record('contacts', number());
    await answered(200, person.client.post(`/v1/contacts/${contact.id}/phones/${contact.phoneId}/reveal`, REASON));
    await answered(200, staff.admin.post(`/v1/users/${person.id}/deactivate`, { reason: 'left' }));
    const { nats, database } = system.connections;
    const { user, password } = nats.users.gateway;
    const events = new pg.Client({ connectionString: database.superuser });
    const gateway = await connect({ servers: nats.url, user, pass: password, inboxPrefix: '_INBOX_gateway' });
    await events.connect();
    try {
      const { rows } = await events.query<{ stream: string; request: string }>(
        `SELECT stream, metadata->>'correlationId' AS request FROM es.events WHERE type = 'PhoneRevealed' AND metadata->>'actorId' = $1`,
        [person.id],
      );
      const [revealed] = rows as [{ stream: string; request: string }];
      const { publicKey } = await generateKeyPair('ECDH-ES', { crv: 'X25519' });
      const caller = { userId: person.id, sessionId: null, tokenId: null, ip: '127.0.0.1' };
      const asked = async (requestId: string): Promise<unknown> => {
        const data = {
          requestId,
          caller,
          revealId: revealed.stream.slice('reveal-'.length),
          replyJwk: await exportJWK(publicKey),
        };
        const packet = JSON.stringify({ pattern: 'crm.query.RevealedPoint', data, id: randomUUID() });
        return (await gateway.request('crm.query.RevealedPoint', packet, { timeout: 5_000 })).json<{ response: unknown }>()
          .response;
      };
      expect(await asked(revealed.request)).toMatchObject({ ok: true });
      expect(await asked(randomUUID())).toMatchObject({ ok: false, code: 'unauthenticated' });
    } finally {
      await Promise.all([events.end(), gateway.close()]);
    }
  });

  it.each([
    ['phone.revealed', 'view'],
    ['phone.lookedUp', 'look'],
    ['call.placed', 'call'],
  ] as const)('%s: so many are served and not one more, at any parallelism, and the account is cut off', async (measure, act) => {
    const LIMIT = 5;
    const person = await staff.person({ grants: REVEALER });
    const contact = await record('contacts', number());
    const scope = { userIds: [person.id] };
    await staff.monitoring({ limits: [{ measure, window: 'hour', max: LIMIT, action: 'deactivate', scope }] });
    const unknown = number();
    const paths = {
      view: [`/v1/contacts/${contact.id}/phones/${contact.phoneId}/reveal`, REASON],
      look: ['/v1/lookups/phone', { number: unknown }],
      call: [`/v1/contacts/${contact.id}/phones/${contact.phoneId}/call`, undefined],
    } as const;
    const [path, body] = paths[act];
    const asked = await Promise.all(
      Array.from({ length: 3 * LIMIT }, (_, index) => person.client.at(system.gatewayUrls[index % 2] as string).post(path, body)),
    );
    const served = asked.filter(({ status }) => status < 300);
    expect(served).toHaveLength(LIMIT);
    const refused = new Set(asked.filter(({ status }) => status >= 300).map(outcomeOf));
    expect([...refused].filter((one) => one !== '401 unauthenticated')).toEqual(['403 view-limit-reached']);
    if (act === 'call') {
      const placed = served.map((answer) => answer.body['callId']);
      await eventually('the calls', () => Promise.resolve(placed.every((id) => telephones.of(id).length === 1) || undefined));
    }
    await eventually('the cut-off', async () => {
      const { body: user } = await staff.admin.get(`/v1/users/${person.id}`);
      return user['status'] === 'deactivated' ? true : undefined;
    });
    expect(await outcome(person.client.get('/v1/me'))).toBe('401 unauthenticated');
    await staff.monitoring({ limits: [] });
  });

  it('go to the telephone system signed, and what becomes of a call is told as it is', async () => {
    const phone = number();
    const contact = await record('contacts', phone);
    const path = `/v1/contacts/${contact.id}/phones/${contact.phoneId}/call`;
    const ask = (key: string): Promise<HttpAnswer<Json>> => revealer.client.post(path, undefined, { 'idempotency-key': key });
    const { callId } = await answered(202, ask('one'));
    expect(Object.keys((await ask('one')).body)).toEqual(['callId']);
    expect((await ask('one')).body['callId']).toBe(callId);
    await callOf(revealer.client, callId, 'handed-over');
    const [post, ...more] = telephones.of(callId);
    expect(more).toEqual([]);
    expect(post !== undefined && isSigned(post, SECRET) && !isSigned(post, `${SECRET}!`)).toBe(true);
    expect(post?.body).toEqual({ callId, number: phone, userId: revealer.id, placedAt: expect.any(String) });
    expect(await exposureOf(contact.id, 'call')).toEqual([expect.objectContaining({ userId: revealer.id, masked: true })]);
    expect(await entries('call.placed', ({ details }) => details['callId'] === callId)).toEqual([
      expect.objectContaining({ actorId: revealer.id, details: { callId, contactId: contact.id, phoneId: contact.phoneId } }),
    ]);
    // Another's call is nobody's business.
    expect(await outcome(staff.admin.get(`/v1/calls/${String(callId)}`))).toBe('404 not-found');
    telephones.status = 403;
    const refused = (await answered(202, ask('two')))['callId'];
    expect(await callOf(revealer.client, refused, 'failed')).toMatchObject({ cause: 'refused' });
    expect(telephones.of(refused)).toHaveLength(1);
    telephones.status = 503;
    const unreachable = (await answered(202, ask('three')))['callId'];
    expect(await callOf(revealer.client, unreachable, 'failed')).toMatchObject({ cause: 'unreachable' });
    expect(telephones.of(unreachable)).toHaveLength(3);
    expect(await entries('call.failed', ({ details }) => details['callId'] === unreachable)).toHaveLength(1);
    telephones.status = 204;
    const company = await record('companies', number());
    expect(await outcome(revealer.client.post(`/v1/companies/${company.id}/phones/${company.phoneId}/call`))).toBe('202');
    const watcher = await staff.person({ grants: { contact: { view: 'allowed', call: 'responsible' } } });
    expect(await outcome(watcher.client.post(path))).toBe('403 forbidden');
    expect(await outcome(revealer.client.post(`/v1/contacts/${contact.id}/phones/${contact.emailId}/call`))).toBe(
      '404 not-found',
    );
    expect(await outcome(revealer.client.post(`/v1/contacts/${company.id}/phones/${company.phoneId}/call`))).toBe(
      '404 not-found',
    );
  });

  it('ring at whoever is responsible, and at nobody else', async () => {
    const [phone, nobodys] = [number(), number()];
    const [one, two] = await Promise.all([
      staff.person({ grants: MANAGER }),
      staff.person({ grants: { contact: { view: 'allowed' } } }),
    ]);
    const contact = await record('contacts', phone, { responsibleId: one.id });
    const company = await record('companies', phone, { responsibleId: one.id });
    const streams = await Promise.all(
      [one, two].map(({ client }, index) => client.at(system.gatewayUrls[index] as string).events('/v1/events/stream')),
    );
    const { token } = await answered(201, staff.admin.post('/v1/api-tokens', { name: 'PBX', scopes: ['telephony'] }));
    const pbx = staff.admin.withToken(String(token));
    const ring = (client: HttpClient, text: string, more: Json = {}): Promise<HttpAnswer<Json>> =>
      client.post('/v1/telephony/incoming', { number: text, ...more });
    const [known, unknown] = [await ring(pbx, phone, { to: '101' }), await ring(pbx, nobodys, { to: phone })];
    expect([known.status, Object.keys(known.body)]).toEqual([unknown.status, Object.keys(unknown.body)]);
    expect([known.status, [...known.headers.keys()].sort()]).toEqual([202, [...unknown.headers.keys()].sort()]);
    // Marks the end of what came before, for both.
    const end = await made(staff.admin.post('/v1/contacts', { name: unique('End'), responsibleId: one.id }));
    const before = async (index: number): Promise<Json[]> => {
      const seen: Json[] = [];
      for (;;) {
        const message = JSON.parse((await streams[index]?.next())?.data ?? '') as Json;
        if (message['id'] === end.id) return seen.filter(({ type }) => type === 'call.ringing');
        seen.push(message);
      }
    };
    const rung = { callId: known.body['callId'], masked: maskOf(phone), at: expect.any(String), type: 'call.ringing' };
    expect((await before(0)).toSorted((a, b) => (String(a['recordType']) < String(b['recordType']) ? 1 : -1))).toEqual([
      { ...rung, id: contact.id, recordType: 'contact', phoneId: contact.phoneId },
      { ...rung, id: company.id, recordType: 'company', phoneId: company.phoneId },
    ]);
    expect(await before(1)).toEqual([]);
    for (const stream of streams) stream.close();
    expect(outcomeOf(await ring(one.client, phone))).toBe('403 forbidden');
    expect(outcomeOf(await ring(pbx, phone.slice(-7)))).toBe('422 incomplete-number');
    expect(await outcome(pbx.get(`/v1/contacts/${contact.id}`))).toBe('403 scope-missing');
    const received = await entries('call.received', ({ details }) => details['callId'] === known.body['callId']);
    expect(received.map(({ details }) => details['line'])).toEqual(['101', '101']);
    // Counted, with nothing shown.
    expect((await entries('call.received', ({ details }) => details['callId'] === unknown.body['callId']))[0]?.details).toEqual({
      ...{ callId: unknown.body['callId'], line: maskOf(phone) },
    });
    const entry = { cidr: '192.0.2.0/24', note: 'elsewhere' };
    await staff.settings({ ipAllowList: { enabled: true, exemptAdmins: true, entries: [entry] } });
    expect(outcomeOf(await ring(pbx, phone))).toBe('403 ip-not-allowed');
    await staff.settings({ ipAllowList: { enabled: false, exemptAdmins: true, entries: [] } });
  });

  it('leave no trace in a log, on the disk of the broker or in a table, and go with the person', async () => {
    const phone = number();
    const contact = await record('contacts', phone);
    const path = `/v1/contacts/${contact.id}/phones/${contact.phoneId}`;
    const once = { 'idempotency-key': 'once' };
    expect(await outcome(revealer.client.post(`${path}/reveal`, REASON, once))).toBe('200');
    await answered(200, staff.admin.post(`/v1/contacts/${contact.id}/erase`, { reason: 'He asked' }));
    for (const key of [once, {}]) expect(await outcome(revealer.client.post(`${path}/reveal`, REASON, key))).toBe('410 erased');
    expect(await outcome(revealer.client.post(`${path}/call`))).toBe('410 erased');
    expect(await answered(200, revealer.client.post('/v1/lookups/phone', { number: phone }))).toEqual({ matches: [] });
    for (const folder of ['logs', 'nats']) {
      const { leaks, files } = await scanFiles(scan, join(system.dataDir, folder));
      expect(leaks).toEqual([]);
      expect(files).toBeGreaterThan(3);
    }
    const database = new pg.Client({ connectionString: system.connections.database.superuser });
    await database.connect();
    for (const table of [
      'es.events',
      'es.commands',
      'read.audit',
      'read.calls',
      'watch.disclosures',
      'watch.refusals',
      'monitor.exposure',
    ]) {
      const { rows } = await database.query<{ row: string }>(`SELECT t::text AS row FROM ${table} AS t`);
      expect([table, rows.length > 0]).toEqual([table, true]);
      expect(scan.scan(table, rows.map(({ row }) => row).join('\n'))).toEqual([]);
    }
    await database.end();
  });
});
