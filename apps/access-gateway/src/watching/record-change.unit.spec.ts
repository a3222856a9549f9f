import { randomUUID } from 'node:crypto';
import { compileRights, type Grants, type Level, type Principal } from '#policy';
import {
  changeOf,
  messageFor,
  RECORD_MESSAGE_TYPES,
  ringingFor,
  type PresentRecord,
  type RecordChange,
} from './record-change.js';

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
const live = (responsibleId: string | null): PresentRecord => ({
  ...{ responsibleId, standing: 'live', hasAttribution: false, masks: new Map() },
});
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

describe('a number that is calling', () => {
  const [recordId, phoneId, callId] = [randomUUID(), randomUUID(), randomUUID()];
  const payload = {
    ...{ id: randomUUID(), type: 'CallReceived', at: AT, actorId: ME, category: 'incoming-call', recordId: callId, version: 1 },
    ...{ changed: ['from', 'line'], from: { recordType: 'contact', recordId, phoneId } },
  };
  const ringing = changeOf({ payload }) as RecordChange;
  const card: PresentRecord = { ...live(ME), masks: new Map([[phoneId, '+7 *** ***-**-67']]) };
  const rung = (
    now: PresentRecord,
    { grants = { contact: { view: 'responsible' } } as Grants, scopes = null as string[] | null, after = 1_000 } = {},
  ) =>
    ringingFor(
      { principal: principal(grants), scopes: scopes === null ? null : new Set(scopes) },
      ringing,
      now,
      Date.parse(AT) + after,
    );

  it('rings at the responsible person, with the id of the card and the mask that the card shows', () => {
    expect(rung(card)).toEqual({
      type: 'call.ringing',
      id: recordId,
      recordType: 'contact',
      callId,
      phoneId,
      masked: '+7 *** ***-**-67',
      at: AT,
    });
    expect(rung(card, { scopes: ['contacts:read'] })).not.toBeNull();
  });

  it('rings nowhere else', () => {
    for (const owner of [COLLEAGUE, null])
      expect(rung({ ...card, responsibleId: owner }, { grants: { contact: { view: 'allowed' } } })).toBeNull();
    expect(rung(card, { grants: { company: { view: 'allowed' } } })).toBeNull();
    expect(rung(card, { scopes: ['companies:read', 'telephony'] })).toBeNull();
    for (const standing of ['deleted', 'erased'] as const) expect(rung({ ...card, standing })).toBeNull();
    expect(rung({ ...card, masks: new Map() })).toBeNull();
  });

  it('rings no more after a minute, and is of nobody when nobody has it', () => {
    expect(rung(card, { after: 60_000 })).not.toBeNull();
    expect(rung(card, { after: 60_001 })).toBeNull();
    expect(changeOf({ payload: { ...payload, from: null } })).toBeNull();
  });
});
