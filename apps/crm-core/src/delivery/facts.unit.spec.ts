import { SYSTEM_USER_ID } from '#contracts';
import type { StoredEvent } from '#event-store';
import { factOf } from './facts.js';

const ID = '00000000-0000-7000-8000-0000000000aa';
const ADMINISTRATOR = '00000000-0000-7000-8000-0000000000bb';

const payloadOf = (type: string, data: object, change: object = {}): Record<string, unknown> => {
  const metadata = {
    ...{ actorId: ADMINISTRATOR, ip: null, sessionId: null, tokenId: null, causationId: null },
    ...{ commandId: ID, correlationId: ID, at: '2026-01-01T00:00:00.000Z' },
    ...change,
  };
  const event = { id: ID, type, stream: `user-${ID}`, version: 1, data, metadata } as unknown as StoredEvent;
  return factOf(event).payload as Record<string, unknown>;
};
const weakenedIn = (type: string, data: object, change?: object): unknown => payloadOf(type, data, change)['weakened'];

describe('the fact of an event tells by name what became weaker', () => {
  it.each<[string, string, object, unknown]>([
    ['settings', 'SecuritySettingsChanged', { weakened: ['hidePhones'] }, ['hidePhones']],
    ['a right', 'RoleChanged', { weakened: [{ name: 'grant.phone.view', before: 'forbidden' }] }, ['grant.phone.view']],
    ['an administrator made', 'UserCreated', { isAdmin: true, weakened: [] }, ['administrators']],
    ['an administrator invited', 'UserInvited', { isAdmin: true, weakened: [] }, ['administrators']],
    [
      'somebody made one, with a right',
      'UserChanged',
      { isAdmin: true, weakened: ['grant.email.view'] },
      ['grant.email.view', 'administrators'],
    ],
    ['somebody one no more', 'UserChanged', { isAdmin: false, weakened: [] }, []],
    ['another name', 'UserChanged', { name: 'Ada', weakened: [] }, []],
    ['a reactivation', 'UserReactivated', { epoch: 2 }, ['counts']],
    ['a webhook ended', 'AuditRecorded', { type: 'webhook.ended', details: {} }, ['webhooks']],
    ['a second factor gone', 'AuditRecorded', { type: 'second-factor.removed', details: {} }, ['secondFactor']],
    ['a sign-in', 'AuditRecorded', { type: 'sign-in.succeeded', details: { weakened: ['x'] } }, undefined],
    ['a record', 'ContactChanged', { name: 'sealed' }, undefined],
  ])('%s', (_, type, data, weakened) => {
    expect(weakenedIn(type, data)).toEqual(weakened);
  });

  it('not of the first administrator, whom nobody made', () => {
    expect(weakenedIn('UserCreated', { isAdmin: true, weakened: [] }, { actorId: SYSTEM_USER_ID })).toEqual([]);
  });
});

describe('the fact of a change tells which lists of numbers and addresses it left empty', () => {
  it.each<[string, string, object, object, unknown]>([
    ['both', 'ContactChanged', { phones: [], emails: [], note: null }, {}, ['phones', 'emails']],
    ['one of a company', 'CompanyChanged', { phones: [{}], emails: [] }, {}, ['emails']],
    ['none', 'ContactChanged', { phones: [{}], note: null }, {}, undefined],
    ['of a record that is new', 'ContactCreated', { phones: [], emails: [] }, {}, undefined],
    ['by a rewind', 'ContactChanged', { phones: [] }, { causationId: ID }, undefined],
  ])('%s', (_, type, data, change, emptied) => {
    expect(payloadOf(type, data, change)['emptied']).toEqual(emptied);
  });
});
