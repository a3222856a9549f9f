import { HttpClient, startSystem, type System } from '#testing';
import { NumberScan } from '../../deploy/scan/number-scan.js';
import { RecordWatch } from './record-watch.js';
import {
  answered,
  eventually,
  freshEmail,
  freshNumber,
  made,
  outcome,
  persistently,
  Staff,
  unique,
  type Json,
  type Level,
  type Made,
  type Person,
} from './staff.js';

const STREAM = '/v1/events/stream';
const DEALS = { view: 'allowed' } as const;

describe('live changes of records', () => {
  let system: System;
  let staff: Staff;
  let elsewhere: string;
  let home: string;
  const watches: RecordWatch[] = [];

  beforeAll(async () => {
    system = await startSystem({ gateways: 2 });
    staff = await Staff.of(system);
    home = await staff.department();
    elsewhere = system.gatewayUrls[1] as string;
  }, 100_000);
  afterEach(() => watches.splice(0).forEach((watch) => watch.close()));
  afterAll(() => system?.stop());

  async function watch(client: HttpClient, lastEventId?: string): Promise<RecordWatch> {
    const opened = await RecordWatch.open(client, lastEventId);
    watches.push(opened);
    return opened;
  }
  /** Somebody of the home department who sees contacts at a level, and every deal. */
  const viewer = (level: Level): Promise<Person> =>
    staff.person({ grants: { contact: { view: level }, deal: { view: 'allowed' } }, departmentId: home });
  const contact = (body: Json): Promise<Made> => made(staff.admin.post('/v1/contacts', { name: unique('Contact'), ...body }));
  /** A deal, which all viewers see: what comes before it on a stream is all that came. */
  const marker = async (): Promise<string> => (await made(staff.admin.post('/v1/deals', { title: unique('Marker') }))).id;
  const told = (messages: readonly { type: string; id: string }[]) => messages.map(({ type, id }) => [type, id]);

  it('come to those who may see the record, at any gateway, at each level', async () => {
    const [own, group, all, none] = await Promise.all([
      viewer('responsible'),
      viewer('group'),
      viewer('allowed'),
      viewer('forbidden'),
    ]);
    const people = [own, group, all, none];
    const streams = await Promise.all(people.map(({ client }, index) => watch(index % 2 === 0 ? client : client.at(elsewhere))));
    const owners = [own.id, group.id, (await staff.person()).id, null];
    const ids: string[] = [];
    for (const responsibleId of owners) {
      const { id } = await contact({ responsibleId });
      await answered(200, staff.admin.patch(`/v1/contacts/${id}`, { note: unique('note'), tags: ['x'] }));
      ids.push(id);
    }
    const end = await marker();
    const [mine, groups, foreign, nobodys] = ids.map((id) => [
      ['contact.created', id],
      ['contact.changed', id],
    ]);
    const expected = [[mine], [mine, groups], [mine, groups, foreign, nobodys], []];
    for (const [index, stream] of streams.entries()) {
      const messages = await stream.before(end);
      expect([index, told(messages)]).toEqual([index, (expected[index] ?? []).flat()]);
      for (const { type, changed, version } of messages) {
        if (type === 'contact.changed') expect([version, [...changed].sort()]).toEqual([2, ['note', 'tags']]);
      }
    }
  });

  it('go with the record from one to another, and say nothing of its going', async () => {
    const [from, to] = await Promise.all([viewer('responsible'), viewer('responsible')]);
    const [left, joined] = await Promise.all([watch(from.client), watch(to.client.at(elsewhere))]);
    const { id } = await contact({ responsibleId: from.id });
    // On the wire before it is taken away: what is told is decided by whose the record is then.
    expect((await left.next()).type).toBe('contact.created');
    await answered(200, staff.admin.post(`/v1/contacts/${id}/assign`, { responsibleId: to.id }));
    await answered(200, staff.admin.patch(`/v1/contacts/${id}`, { note: unique('note') }));
    const end = await marker();
    expect(told(await left.before(end))).toEqual([]);
    expect(told(await joined.before(end))).toEqual([
      ['contact.assigned', id],
      ['contact.changed', id],
    ]);
  });

  it('tell the life of a record, each act by its type', async () => {
    const person = await viewer('allowed');
    const stream = await watch(person.client.at(elsewhere));
    const { items } = await answered(200, staff.admin.get<{ items: { stages: { id: string }[] }[] }>('/v1/pipelines'));
    const deal = (await made(staff.admin.post('/v1/deals', { title: unique('Deal') }))).id;
    expect(await stream.next()).toMatchObject({ type: 'deal.created', id: deal, version: 1 });
    const act = (path: string, body?: Json): Promise<Json> => answered(200, staff.admin.post(path, body));
    const acts: ReadonlyArray<readonly [type: string, changed: readonly string[], act: () => Promise<unknown>]> = [
      ['deal.moved', ['stageId'], () => act(`/v1/deals/${deal}/move`, { stageId: items[0]?.stages[1]?.id })],
      ['deal.won', ['status'], () => act(`/v1/deals/${deal}/win`)],
      ['deal.reopened', ['status', 'loseReason'], () => act(`/v1/deals/${deal}/reopen`)],
      ['deal.lost', ['status', 'loseReason'], () => act(`/v1/deals/${deal}/lose`, { reason: unique('reason') })],
      ['deal.deleted', [], () => answered(200, staff.admin.delete(`/v1/deals/${deal}`))],
      ['deal.restored', [], () => act(`/v1/deals/${deal}/restore`)],
    ];
    for (const [index, [type, changed, happen]] of acts.entries()) {
      await happen();
      expect(await stream.next()).toMatchObject({ type, id: deal, version: index + 2, changed });
    }
    const { id } = await contact({});
    expect((await stream.next()).id).toBe(id);
    await act(`/v1/contacts/${id}/erase`, { reason: unique('reason') });
    expect(await stream.next()).toMatchObject({ type: 'contact.erased', id, changed: [] });
  });

  it('never carry a value', async () => {
    const scan = new NumberScan();
    const [number, email] = [scan.plantNumber(freshNumber()), scan.plantEmail(freshEmail())];
    const words = ['name', 'note', 'tag', 'other', 'title'].map(unique);
    const [name, note, tag, other, title] = words;
    const stream = await watch(staff.admin);
    const { id } = await contact({ name, note, tags: [tag], phones: [{ number }], emails: [{ address: email }] });
    await answered(200, staff.admin.patch(`/v1/contacts/${id}`, { name: other, note: `call ${number}`, phones: [] }));
    await made(staff.admin.post('/v1/deals', { title, amount: { value: '987654.32', currency: 'RUB' }, contactIds: [id] }));
    const end = await marker();
    expect(await stream.before(end)).toHaveLength(3);
    expect(scan.scan('the stream', stream.raw)).toEqual([]);
    for (const word of [...words, '987654']) expect(stream.raw).not.toContain(word);
  });

  it('are resumed at another gateway without a gap or a double, also after a crash', async () => {
    const person = await viewer('group');
    const first = await watch(person.client.at(elsewhere));
    const start = await contact({ responsibleId: person.id });
    expect((await first.next()).id).toBe(start.id);
    first.close();
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.push((await contact({ responsibleId: person.id })).id);
    const second = await watch(person.client, first.lastId);
    for (const id of ids.splice(0)) expect((await second.next()).id).toBe(id);
    await system.kill('access-gateway', 0);
    await second.ended;
    const admin = staff.admin.at(elsewhere);
    for (let n = 0; n < 3; n += 1) {
      const body = { name: unique('Contact'), responsibleId: person.id };
      ids.push((await made(admin.post('/v1/contacts', body))).id);
    }
    await system.waitUntilReady();
    const third = await watch(person.client, second.lastId);
    for (const id of ids) expect((await third.next()).id).toBe(id);
    const end = await marker();
    expect(told(await third.before(end))).toEqual([]);
  });

  it('go on where they were when core was away', async () => {
    const person = await viewer('allowed');
    const stream = await watch(person.client);
    await system.kill('crm-core', 0);
    const body = { name: unique('Contact') };
    const { body: late } = await persistently(() => staff.admin.post('/v1/contacts', body));
    expect((await stream.next(20_000)).id).toBe(late['id']);
  });

  it('end with the account, at once; with the session; and with the last right', async () => {
    const [leaver, idler, demoted] = await Promise.all([viewer('allowed'), viewer('allowed'), viewer('allowed')]);
    const [gone, out, without] = await Promise.all([
      watch(leaver.client.at(elsewhere)),
      watch(idler.client),
      watch(demoted.client.at(elsewhere)),
    ]);
    await answered(200, staff.admin.post(`/v1/users/${leaver.id}/deactivate`, { reason: 'left the company' }));
    await gone.ended;
    await answered(200, staff.admin.patch(`/v1/users/${demoted.id}`, { roleIds: [] }));
    await without.ended;
    expect(await outcome(demoted.client.get(STREAM))).toBe('403 forbidden');
    expect(await outcome(idler.client.delete('/v1/sessions/current'))).toBe('204');
    await contact({});
    await out.ended;
    for (const stream of [gone, out, without]) expect(stream.raw).not.toContain('contact.created');
    expect(await outcome(leaver.client.get(STREAM))).toBe('401 unauthenticated');
    expect(await outcome(new HttpClient(system.gatewayUrl).get(STREAM))).toBe('401 unauthenticated');
  });

  it('name attribution to those who may see it, and are of records alone', async () => {
    const [marketer, manager] = await Promise.all([
      staff.person({ grants: { deal: DEALS, attribution: { view: 'allowed' } } }),
      staff.person({ grants: { deal: DEALS } }),
    ]);
    const [one, other] = await Promise.all([watch(marketer.client), watch(manager.client.at(elsewhere))]);
    const form = (await made(staff.admin.post('/v1/forms', { name: unique('Form') }))) as Made & { key: string };
    const lead = { name: unique('Lead'), phone: freshNumber(), attribution: { utm_source: unique('source') } };
    const door = new HttpClient(system.ingestUrl);
    await eventually('the form to be known', async () => {
      return (await door.post(`/v1/forms/${form.key}/leads`, lead)).status === 202 ? true : undefined;
    });
    const [full, plain] = [await one.next(20_000), await other.next(20_000)];
    expect([full.type, plain.type, plain.id]).toEqual(['deal.created', 'deal.created', full.id]);
    expect(full.changed).toContain('attribution');
    expect(plain.changed).toEqual(full.changed.filter((name) => name !== 'attribution'));
    await staff.role({ deal: { view: 'allowed' } });
    const end = await marker();
    expect([told(await one.before(end)), told(await other.before(end))]).toEqual([[], []]);
  });
});
