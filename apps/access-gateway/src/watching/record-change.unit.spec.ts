import { randomUUID } from 'node:crypto';
import { compileRights, type Grants, type Level, type Principal } from '#policy';
import { changeOf, messageFor, RECORD_MESSAGE_TYPES, type PresentRecord, type RecordChange } from './record-change.js';

const ME = randomUUID();
const COLLEAGUE = randomUUID();
const AT = '2026-01-01T12:00:00.000Z';

function principal(grants: Grants): Principal {
  const rights = compileRights({ isAdmin: false, roles: [{ id: 'r', name: 'R', extendsId: null, grants }], roleIds: ['r'] });
  return { userId: ME, isAdmin: false, rights, groupUserIds: new Set([ME, COLLEAGUE]) };
}
const fact = (type: string, changed: readonly string[] = [], more: object = {}) => ({
  payload: {
    id: randomUUID(),
    type,
    at: AT,
    actorId: ME,
    category: 'deal',
    recordId: randomUUID(),
    version: 3,
    changed,
    ...more,
  },
});
const change = (type: string, changed: readonly string[] = [], more: object = {}) =>
  changeOf(fact(type, changed, more)) as RecordChange;
const live = (responsibleId: string | null): PresentRecord => ({ responsibleId, standing: 'live', hasAttribution: false });
const told = (grants: Grants, one: RecordChange, now: PresentRecord, scopes: readonly string[] | null = null) =>
  messageFor({ principal: principal(grants), scopes: scopes === null ? null : new Set(scopes) }, one, now);

describe('a change of a record', () => {
  it('is told by the names that the API has, and by no others', () => {
    expect(change('DealChanged', ['title', 'amount', 'somethingInside']).message.changed).toEqual(['title', 'amount']);
    expect(change('DealLost', ['reason']).message).toMatchObject({ type: 'deal.lost', changed: ['status', 'loseReason'] });
    expect(change('DealErased', ['contactId', 'keyOwner']).message.type).toBe('deal.changed');
    const erased = change('ContactErased', ['responsibleId', 'reason', 'erasedDealIds'], { category: 'contact' });
    expect(erased.message).toMatchObject({ type: 'contact.erased', changed: [] });
    expect(Object.keys(erased.message).sort()).toEqual(['at', 'changed', 'id', 'type', 'version']);
  });

  it('is of a record, of a kind that is known', () => {
    for (const [type, category] of [
      ['UserDeactivated', 'user'],
      ['AuditRecorded', 'audit'],
      ['RoleChanged', 'role'],
      ['DealRenamed', 'deal'],
      ['constructor', 'deal'],
    ] as const)
      expect([type, changeOf(fact(type, [], { category }))]).toEqual([type, null]);
    expect(changeOf({ payload: undefined })).toBeNull();
    expect(RECORD_MESSAGE_TYPES).toHaveLength(20);
  });
});

describe('who is told', () => {
  const owners = [ME, COLLEAGUE, randomUUID(), null];
  it.each([
    ['allowed', [true, true, true, true]],
    ['group', [true, true, false, false]],
    ['responsible', [true, false, false, false]],
    ['forbidden', [false, false, false, false]],
  ] as const)('at %s', (level, expected) => {
    const won = change('DealWon');
    expect(owners.map((owner) => told({ deal: { view: level } }, won, live(owner)) !== null)).toEqual(expected);
    const deleted: PresentRecord = { ...live(ME), standing: 'deleted' };
    expect(told({ deal: { view: level } }, change('DealDeleted'), deleted) !== null).toBe(level !== 'forbidden');
  });

  it('of a deleted record that it was deleted, and nothing else', () => {
    const deleted: PresentRecord = { ...live(ME), standing: 'deleted' };
    for (const type of ['DealCreated', 'DealChanged', 'DealAssigned', 'DealRestored', 'DealWon', 'DealErased'])
      expect([type, told({ deal: { view: 'allowed' } }, change(type), deleted)]).toEqual([type, null]);
  });

  it('of an erased person that he was erased, and nothing else', () => {
    const erased: PresentRecord = { ...live(COLLEAGUE), standing: 'erased' };
    const grants: Grants = { contact: { view: 'group' } };
    const of = (type: string) => change(type, [], { category: 'contact' });
    expect(told(grants, of('ContactErased'), erased)).not.toBeNull();
    expect(told({ contact: { view: 'responsible' } }, of('ContactErased'), erased)).toBeNull();
    for (const type of ['ContactChanged', 'ContactDeleted']) expect(told(grants, of(type), erased)).toBeNull();
  });

  it('with a token: of the types of its scopes', () => {
    const grants: Grants = { deal: { view: 'allowed' } };
    expect(told(grants, change('DealWon'), live(ME), ['deals:read'])).not.toBeNull();
    expect(told(grants, change('DealWon'), live(ME), ['contacts:read', 'deals:write'])).toBeNull();
  });

  it('attribution by its own right, on the deal it is of, where there is some', () => {
    const created = change('DealCreated', ['title', 'attribution']);
    const changedFor = (attribution: Record<string, Level>, now: PresentRecord) =>
      told({ deal: { view: 'allowed' }, attribution }, created, now)?.changed;
    const mine: PresentRecord = { ...live(ME), hasAttribution: true };
    expect(changedFor({ view: 'responsible' }, mine)).toEqual(['title', 'attribution']);
    expect(changedFor({ view: 'responsible' }, { ...mine, responsibleId: COLLEAGUE })).toEqual(['title']);
    expect(changedFor({ view: 'forbidden' }, mine)).toEqual(['title']);
    expect(changedFor({ view: 'allowed' }, live(ME))).toEqual(['title']);
  });
});
