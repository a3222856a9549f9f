import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import pg from 'pg';
import { DomainError } from '#kernel';
import type { CommandName, Explanation } from '#contracts';
import { allows, LEVELS } from '#policy';
import { Authorizations } from '../../commands/authorizations.js';
import { contactAggregate } from '../../contacts/contact.aggregate.js';
import { requireAction, requireRestorable } from '../../records/record-rights.js';
import { Commands } from '../commands.fixture.js';
import { ExplainDecision, ExplainDecisionHandler, Situations } from './explain.query.js';
import { explain } from './explanation.js';

const ACTIONS = ['view', 'create', 'edit', 'restore'] as const;
type Action = (typeof ACTIONS)[number];

let commands: Commands;
let admin: string;
let situations: Situations;
let handler: ExplainDecisionHandler;
/** Each command at its own second: what was decided between two of them is known by its time. */
let clock = Date.now();

beforeAll(async () => {
  commands = await Commands.open();
  admin = await commands.firstAdministrator();
  situations = new Situations(commands.log, commands.pool, new Authorizations(commands.pool));
  handler = new ExplainDecisionHandler(situations);
});
afterAll(() => commands.close());

const send = (name: CommandName, body: unknown, targetId: string | null = null) =>
  commands.send(name, admin, body, targetId, new Date((clock += 1_000)));
const newRole = async (grants: object, parent: string | null = null) =>
  (await send('CreateRole', { name: 'R', extends: parent, grants })).id;
const newDepartment = async (parentId: string | null = null) => (await send('CreateDepartment', { name: 'D', parentId })).id;
const newPerson = async (fields: object = {}) =>
  (await send('CreateUser', { email: `${randomUUID()}@example.org`, name: 'P', ...fields })).id;
const newContact = async (responsibleId: string | null) => (await send('CreateContact', { name: 'C', responsibleId })).id;
const timeNow = (): string => new Date(clock + 500).toISOString();

/** As the gate does when a limit says `deactivate`. */
async function hold(userId: string): Promise<void> {
  const monitor = new pg.Client({ connectionString: commands.database.monitorUrl });
  await monitor.connect();
  await monitor.query(`INSERT INTO watch.holds (user_id, epoch, cause, at) VALUES ($1, 0, '{}', clock_timestamp())`, [userId]);
  await monitor.end();
}

function question(userId: string, recordId: string, action: string, at: string | null, asker = admin) {
  const caller = { userId: asker, sessionId: null, tokenId: null, ip: '192.0.2.1' };
  return { requestId: randomUUID(), caller, userId, recordType: 'contact', action, recordId, at } as const;
}

async function explained(
  userId: string,
  recordId: string,
  action: string,
  at: string | null = null,
  asker = admin,
): Promise<Explanation> {
  const reply = await handler.execute(new ExplainDecision(question(userId, recordId, action, at, asker)));
  if (!reply.ok) throw new Error(reply.code);
  return reply;
}

/** Of every action at once: the same as asking for each, with the streams read once. */
async function explainedAll(userId: string, recordId: string, at: string | null): Promise<Readonly<Record<Action, string>>> {
  const situation = await situations.at(question(userId, recordId, 'view', at));
  return Object.fromEntries(ACTIONS.map((action) => [action, explain(situation, 'contact', action).decision])) as never;
}

/** What a command of this person would be let through to do to the contact now: the rules that the routes go by. */
async function decided(userId: string, contactId: string): Promise<Readonly<Record<Action, Explanation['decision']>>> {
  const loaded = await new Authorizations(commands.pool).load(userId);
  const { state } = await commands.log.load(contactAggregate, contactId);
  const answer = (action: Action): boolean => {
    if (loaded === undefined || loaded.authorization.status !== 'active') return false;
    if (action === 'create') return allows(loaded.principal, 'contact', 'create');
    try {
      if (action === 'restore') requireRestorable(loaded.principal, 'contact', state);
      else requireAction(loaded.principal, 'contact', action, state);
      return true;
    } catch {
      return false;
    }
  };
  return Object.fromEntries(ACTIONS.map((action) => [action, answer(action) ? 'allowed' : 'refused'])) as never;
}

/** One step of a company's life: what is done, and to which of its people, roles, departments and contacts. */
const step = fc.record({ act: fc.nat(10), one: fc.nat(3), other: fc.nat(3), level: fc.constantFrom(...LEVELS) });
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface World {
  readonly people: readonly string[];
  readonly roles: readonly string[];
  readonly departments: readonly string[];
  readonly contacts: readonly string[];
}

async function live({ act, one, other, level }: Step, { people, roles, departments, contacts }: World): Promise<void> {
  const at = (list: readonly string[], index: number): string => list[index % list.length] as string;
  const nullable = <T>(value: T): T | null => (other === 3 ? null : value);
  const twoLevel = level === 'allowed' || level === 'forbidden' ? level : 'forbidden';
  const grants = { contact: { view: level, edit: other === 0 ? 'group' : level, create: twoLevel, restore: level } };
  const changes: ReadonlyArray<readonly [CommandName, object | null, string]> = [
    ['ChangeRole', { grants }, at(roles, one)],
    ['ChangeRole', { extends: nullable(at(roles, other)) }, at(roles, one)],
    ['ChangeDepartmentRoles', { roleIds: other === 3 ? [] : [at(roles, other)] }, at(departments, one)],
    ['ChangeDepartment', { parentId: nullable(at(departments, other)) }, at(departments, one)],
    ['ChangeUser', { departmentId: nullable(at(departments, other)) }, at(people, one)],
    ['ChangeUser', { roleIds: other === 3 ? [] : [at(roles, other)] }, at(people, one)],
    ['ChangeUser', { isAdmin: other === 0 }, at(people, one)],
    ['DeactivateUser', { reason: 'leaves' }, at(people, one)],
    ['ReactivateUser', { reason: 'comes back' }, at(people, one)],
    ['AssignContact', { responsibleId: nullable(at(people, other)) }, at(contacts, one)],
    [other > 1 ? 'RestoreContact' : 'DeleteContact', null, at(contacts, one)],
  ];
  const [name, body, target] = changes[act] as (typeof changes)[number];
  // A circle, the same again, somebody who is not active: refused, and nothing has happened.
  await send(name, body, target).catch((error: unknown) => {
    if (!(error instanceof DomainError)) throw error;
  });
}

describe('explaining', () => {
  it('says now what the rules decide now, and of the past what they decided then', async () => {
    let asked = 0;
    const runs = fc.asyncProperty(fc.array(step, { minLength: 12, maxLength: 16 }), async (steps) => {
      const roles = [await newRole({ contact: { view: 'group', edit: 'responsible' } }), await newRole({})];
      const departments = [await newDepartment(), await newDepartment(), await newDepartment()];
      const people = [
        await newPerson({ roleIds: [roles[0]], departmentId: departments[0] }),
        await newPerson({ departmentId: departments[0] }),
        await newPerson({ roleIds: [roles[1]], departmentId: departments[1] }),
      ];
      const contacts = [await newContact(people[1] as string), await newContact(people[2] as string), await newContact(null)];
      const remembered: Array<readonly [at: string, userId: string, contactId: string, decisions: Record<Action, string>]> = [];
      for (const next of steps) {
        await live(next, { people, roles, departments, contacts });
        for (const [index, userId] of people.entries()) {
          const contactId = contacts[(next.one + index) % contacts.length] as string;
          const decisions = await decided(userId, contactId);
          remembered.push([timeNow(), userId, contactId, decisions]);
          expect(await explainedAll(userId, contactId, null)).toEqual(decisions);
        }
      }
      for (const [at, userId, contactId, decisions] of remembered) {
        expect([at, await explainedAll(userId, contactId, at)]).toEqual([at, decisions]);
        asked += 2 * ACTIONS.length;
      }
    });
    await fc.assert(runs, { numRuns: 5, endOnFailure: true });
    expect(asked).toBeGreaterThan(1_000);
  }, 120_000);

  it('names where a level comes from: role, parent, department', async () => {
    const base = await newRole({ contact: { view: 'group' } });
    const role = await newRole({ deal: { view: 'group' } }, base);
    const top = await newDepartment();
    const below = await newDepartment(top);
    await send('ChangeDepartmentRoles', { roleIds: [role] }, top);
    const head = await newPerson({ departmentId: top });
    const person = await newPerson({ departmentId: below });
    const contact = await newContact(person);
    expect(await explained(head, contact, 'view')).toMatchObject({
      decision: 'allowed',
      level: 'group',
      because: [
        `contact.view is group by role ${role}`,
        'the responsible person is in the group of the person',
        `role ${role} is given to department ${top}, where the person is`,
        `role ${role} takes contact.view from role ${base}, which it extends`,
        `department ${below} of the responsible person lies below the person's department ${top}`,
      ],
    });
    const own = await newContact(head);
    const refusal = await explained(person, own, 'edit');
    expect(refusal).toMatchObject({ decision: 'refused', level: 'forbidden' });
    expect(refusal.because).toEqual([
      'the person may not see the record',
      `contact.view is group by role ${role}`,
      'the responsible person is not in the group of the person',
      'no role grants contact.edit',
    ]);
    expect((await explained(person, own, 'view')).because).toContain(
      `role ${role} is given to department ${top}, above the person's department ${below}`,
    );
  });

  it('knows what was not yet, and what is no more', async () => {
    const before = timeNow();
    const role = await newRole({ contact: { view: 'allowed', restore: 'allowed' } });
    const person = await newPerson({ roleIds: [role] });
    const between = timeNow();
    const contact = await newContact(null);
    const there = timeNow();
    await send('DeleteContact', null, contact);
    await send('ChangeUser', { roleIds: [] }, person);
    await send('DeleteRole', null, role);
    const because = async (at: string | null, action = 'view') => {
      const { decision, because } = await explained(person, contact, action, at);
      return [decision, because[0]];
    };
    expect(await because(before)).toEqual(['refused', 'the person has no account yet']);
    expect(await because(between)).toEqual(['refused', 'the record is not there yet']);
    expect(await because(there)).toEqual(['allowed', `contact.view is allowed by role ${role}`]);
    expect(await because(null)).toEqual(['refused', 'the record is deleted: it can only be restored']);
    expect(await because(there, 'restore')).toEqual(['allowed', `contact.restore is allowed by role ${role}`]);
    await hold(person);
    expect(await because(null)).toEqual(['refused', 'the account is held since a limit was exceeded']);
    await send('DeactivateUser', { reason: 'leaves' }, person);
    expect(await because(null)).toEqual(['refused', 'the account is deactivated']);
  });

  it('is asked by those who may read the audit trail, about what there is', async () => {
    const auditor = await newPerson({ roleIds: [await newRole({ audit: { view: 'allowed' } })] });
    const keeper = await newPerson({ roleIds: [await newRole({ users: { view: 'allowed', edit: 'allowed' } })] });
    const contact = await newContact(null);
    expect((await explained(keeper, contact, 'view', null, auditor)).decision).toBe('refused');
    const codes = [
      [keeper, contact, 'view', null, keeper, 'forbidden'],
      [keeper, contact, 'view', null, randomUUID(), 'unauthenticated'],
      [randomUUID(), contact, 'view', null, admin, 'not-found'],
      [keeper, randomUUID(), 'view', null, admin, 'not-found'],
      [randomUUID(), contact, 'view', timeNow(), admin, 'not-found'],
      [keeper, randomUUID(), 'view', timeNow(), admin, 'not-found'],
      [keeper, contact, 'move', null, admin, 'validation-failed'],
      [keeper, contact, 'toString', null, admin, 'validation-failed'],
    ] as const;
    for (const [userId, recordId, action, at, asker, code] of codes)
      await expect(explained(userId, recordId, action, at, asker)).rejects.toMatchObject({ code });
  });
});
