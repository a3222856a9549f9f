import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { Secret } from '#kernel';
import type { AcceptedReply, CommandName } from '#contracts';
import type { Logger } from '#platform';
import { Commands } from '../authz/commands.fixture.js';
import { Authorizations } from '../commands/authorizations.js';
import { CommandBody, type CommandContext } from '../commands/command-context.js';
import { outcomeOf } from '../commands/core-parts.fixture.js';
import { Gate } from '../commands/gate.js';
import { contactAggregate } from '../contacts/contact.aggregate.js';
import { companyAggregate } from '../companies/company.aggregate.js';
import { streamChange } from '../log/crm-log.js';
import { lookupAggregate } from '../lookups/lookup.aggregate.js';
import { LookUpPhone, LookUpPhoneHandler } from '../lookups/lookups.handlers.js';
import { NumberOwners } from '../lookups/number-owners.js';
import type { ContactPoint } from '../records/domain/contact-point.js';
import { personalText } from '../records/domain/personal-text.js';
import { Reveals } from '../reveals/reveals.handlers.js';
import { failAbandonedCalls } from './abandoned-calls.js';
import { callAggregate } from './call.aggregate.js';
import { CallDispatcher, endCall } from './call-dispatcher.js';
import { Calls } from './calls.handlers.js';
import type { HandOver, OutgoingCall } from './telephony/telephone.js';

const NUMBER = '+79161234567';
const logger = { error: () => undefined } as unknown as Logger;

/** A telephone system that answers as told, and remembers. */
class ToldTelephone {
  readonly taken: OutgoingCall[] = [];
  constructor(private readonly answers: HandOver[]) {}

  handOver(call: OutgoingCall): Promise<HandOver> {
    this.taken.push(call);
    return Promise.resolve(this.answers.shift() ?? 'taken');
  }
}

/** The gate, and what happens to the record after it was decided about. */
class OvertakenGate extends Gate {
  overtake: () => Promise<unknown> = () => Promise.resolve();

  override async admit(...given: Parameters<Gate['admit']>): Promise<void> {
    await super.admit(...given);
    await this.overtake();
  }
}

let core: Commands;
let admin: string;
let manager: string;
let gate: OvertakenGate;
let root: pg.Client;
beforeAll(async () => {
  core = await Commands.open();
  root = new pg.Client({ connectionString: core.database.superuserUrl });
  await root.connect();
  admin = await core.firstAdministrator();
  const grants = {
    ...{ contact: { view: 'responsible', call: 'responsible' }, company: { view: 'responsible' } },
    phone: { reveal: 'responsible' },
  };
  const role = await core.send('CreateRole', admin, { name: 'Manager', grants });
  const body = { email: 'm@example.org', name: 'M', roleIds: [role.id] };
  manager = (await core.send('CreateUser', admin, body)).id;
  gate = new OvertakenGate(core.pool);
});
beforeEach(() => (gate.overtake = () => Promise.resolve()));
afterAll(async () => {
  await root.end();
  await core.close();
});

async function context(
  name: CommandName,
  body: unknown,
  ids: { targetId?: string; partId?: string } = {},
): Promise<CommandContext> {
  const rights = await new Authorizations(core.pool).load(manager);
  return {
    ...{ name, commandId: randomUUID(), requestId: randomUUID(), expectedVersion: null, targetId: null, partId: null, ...ids },
    ...{ caller: { userId: manager, sessionId: null, tokenId: null, ip: '192.0.2.1' }, at: new Date().toISOString() },
    ...{ bodyMac: '00', body: new CommandBody(() => body), ...rights },
  } as CommandContext;
}
/** A contact of the manager's. */
async function contact(): Promise<{ targetId: string; partId: string }> {
  const made = await core.send('CreateContact', admin, { name: 'N', phones: [{ number: NUMBER }], responsibleId: manager });
  const { state } = await core.log.load(contactAggregate, made.id);
  return { targetId: made.id, partId: state.phase === 'live' ? (state.fields.phones[0]?.id ?? '') : '' };
}
const count = async (sql: string, id: string): Promise<number> =>
  (await core.pool.query<{ n: number }>(sql, [id])).rows[0]?.n ?? -1;
/** The lines of the trail that name the record. */
const entriesOf = (id: string): Promise<number> =>
  count(`SELECT count(*)::int AS n FROM read.audit WHERE details->>'contactId' = $1 AND type NOT LIKE 'contact.%'`, id);

interface Disclosure {
  readonly measure: string;
  readonly amount: number;
  readonly subject_type: string;
  readonly subject_ids: string[];
  readonly named_contacts: string[];
}
const disclosures = async (where: string, value: unknown): Promise<Disclosure[]> =>
  (await root.query<Disclosure>(`SELECT * FROM watch.disclosures WHERE user_id = $2 AND ${where}`, [value, manager])).rows;

describe('what is decided about a record that changes meanwhile', () => {
  const acts: readonly [string, (ids: { targetId: string; partId: string }) => Promise<AcceptedReply>][] = [
    [
      'a reveal',
      async (ids) =>
        new Reveals(core.shell, gate).reveal(await context('RevealContactPhone', { reason: 'asked' }, ids), 'contact', 'phone'),
    ],
    [
      'a call',
      async (ids) => {
        const dispatcher = new CallDispatcher(new ToldTelephone([]), core.log, logger, () => new Date());
        const placed = await new Calls(core.shell, gate, dispatcher).place(
          await context('CallContact', undefined, ids),
          'contact',
        );
        await dispatcher.stop();
        return placed;
      },
    ],
  ];

  it.each(acts)('%s is decided anew: out of reach now, it is refused and nothing is written', async (_, act) => {
    const ids = await contact();
    gate.overtake = () => core.send('AssignContact', admin, { responsibleId: admin }, ids.targetId);
    expect(await outcomeOf(act(ids))).toBe('not-found');
    expect(await entriesOf(ids.targetId)).toBe(0);
  });

  it.each(acts)('%s is decided anew: still in reach, it is done, once, and counted once', async (_, act) => {
    const ids = await contact();
    let isFirst = true;
    gate.overtake = async () => {
      if (isFirst) await core.send('DeleteContact', admin, undefined, ids.targetId);
      if (isFirst) await core.send('RestoreContact', admin, undefined, ids.targetId);
      isFirst = false;
    };
    expect(await outcomeOf(act(ids))).toBe('ok');
    expect(await entriesOf(ids.targetId)).toBe(1);
    expect(await disclosures('$1 = ANY(subject_ids)', ids.targetId)).toHaveLength(1);
  });
});

describe('a lookup', () => {
  const lookUp = async (number: string, among?: CommandContext['among']): Promise<AcceptedReply> => {
    const handler = new LookUpPhoneHandler(core.shell, gate, new NumberOwners(core.pool, core.log));
    const asked = { ...(await context('LookUpPhone', { number })), ...(among === undefined ? {} : { among }) };
    return handler.execute(new LookUpPhone(asked));
  };
  const matchesOf = async ({ id }: AcceptedReply): Promise<string[]> => {
    const { events } = await core.log.history(lookupAggregate, id);
    return events.flatMap(({ event }) => event.data.matches.map((match) => match.id));
  };
  async function company(phones: readonly ContactPoint[], responsibleId: string): Promise<string> {
    const id = uuidv7();
    const texts = { website: null, address: null, note: null, tags: [], customFields: {} };
    const fields = { name: personalText('Company', 'RU'), phones, emails: [], ...texts };
    const events = companyAggregate.decide(
      { type: 'create', fields, responsibleId, leadId: null },
      companyAggregate.initialState,
    );
    const ids = { actorId: admin, sessionId: null, tokenId: null, ip: null, causationId: null };
    const metadata = { ...ids, commandId: uuidv7(), correlationId: uuidv7(), at: new Date().toISOString() };
    await core.log.append([streamChange({ aggregate: companyAggregate, id, version: 0, events })], { metadata });
    return id;
  }
  const point = (number: string): ContactPoint => {
    return { id: uuidv7(), kind: 'phone', form: 'normal', value: new Secret(number), label: null, unverified: false };
  };

  it('is one count, whatever kinds of records it finds, and all of them are in the ledger', async () => {
    const [number, hidden] = ['+79160000001', '+79160000002'];
    const body = { name: 'N', phones: [{ number }], responsibleId: manager };
    const contacts = [(await core.send('CreateContact', admin, body)).id, (await core.send('CreateContact', admin, body)).id];
    // One record is one match, however often it has the number.
    const companyId = await company([point(number), point(`${number};ext=5`)], manager);
    await company([point(number), point(hidden)], admin);
    const found = await matchesOf(await lookUp(number));
    expect(found.toSorted()).toEqual([companyId, ...contacts].toSorted());
    expect(await matchesOf(await lookUp(number, ['company']))).toEqual([companyId]);
    expect(await matchesOf(await lookUp(hidden))).toEqual([]);
    const [all, companies, miss, ...more] = await disclosures('measure = $1', 'phone.lookedUp');
    expect(more).toEqual([]);
    expect([all, companies, miss].map((one) => [one?.amount, one?.subject_type])).toEqual([
      [1, 'company'],
      [1, 'company'],
      [1, 'contact'],
    ]);
    expect([all?.subject_ids, all?.named_contacts.toSorted()]).toEqual([[companyId], contacts.toSorted()]);
    expect([companies?.named_contacts, miss?.subject_ids]).toEqual([[], []]);
  });
});

describe('the end of a call', () => {
  /** A call as the log has it, placed so many seconds ago. */
  async function placed(secondsAgo = 0): Promise<string> {
    const id = uuidv7();
    const call = { recordType: 'contact', recordId: uuidv7(), phoneId: uuidv7() } as const;
    const events = callAggregate.decide({ type: 'place', call }, callAggregate.initialState);
    const ids = { actorId: manager, sessionId: null, tokenId: null, ip: null, causationId: null };
    const at = new Date(Date.now() - secondsAgo * 1_000).toISOString();
    const metadata = { ...ids, commandId: uuidv7(), correlationId: uuidv7(), at };
    await core.log.append([streamChange({ aggregate: callAggregate, id, version: 0, events })], { metadata });
    return id;
  }
  const stateOf = async (id: string): Promise<string> => {
    const { rows } = await core.pool.query<{ state: string }>(
      `SELECT concat_ws(' ', state, cause) AS state FROM read.calls WHERE id = $1`,
      [id],
    );
    return rows[0]?.state ?? 'none';
  };
  const outgoing = (callId: string): OutgoingCall => {
    return { callId, number: new Secret(NUMBER), userId: manager, placedAt: new Date().toISOString() };
  };

  it.each<[string, HandOver[], string, number]>([
    ['is taken at once', ['taken'], 'handed-over', 1],
    ['is taken on a later try', ['no-answer', 'taken'], 'handed-over', 2],
    ['is refused for good', ['refused', 'taken'], 'failed refused', 1],
  ])('that %s', async (_, answers, state, tries) => {
    const telephone = new ToldTelephone(answers);
    const dispatcher = new CallDispatcher(telephone, core.log, logger, () => new Date());
    const id = await placed();
    dispatcher.dispatch(outgoing(id));
    for (const end = Date.now() + 10_000; (await stateOf(id)) === 'placed' && Date.now() < end;) await sleep(20);
    expect([await stateOf(id), telephone.taken.length]).toEqual([state, tries]);
  });

  it('comes without another try when the service stops', async () => {
    const telephone = new ToldTelephone(['no-answer', 'taken']);
    const dispatcher = new CallDispatcher(telephone, core.log, logger, () => new Date());
    const id = await placed();
    dispatcher.dispatch(outgoing(id));
    await dispatcher.stop();
    expect([await stateOf(id), telephone.taken.length]).toEqual(['failed unreachable', 1]);
  });

  it('is that nobody knows when its core is gone, and the first of two stays', async () => {
    const [old, young] = [await placed(61), await placed(30)];
    expect(await failAbandonedCalls(core.pool, core.log, new Date())).toBe(1);
    expect([await stateOf(old), await stateOf(young)]).toEqual(['failed interrupted', 'placed']);
    expect(await failAbandonedCalls(core.pool, core.log, new Date())).toBe(0);
    await Promise.all([
      endCall(core.log, young, { type: 'hand-over' }, new Date()),
      endCall(core.log, young, { type: 'fail', cause: 'refused' }, new Date()),
    ]);
    expect(await count('SELECT version::int AS n FROM read.calls WHERE id = $1', young)).toBe(2);
  });
});
