import { Secret, type DomainEvent } from '#kernel';
import { FIRST_SECURITY_SETTINGS } from '#contracts';
import { AGGREGATES } from '../aggregates.js';
import { auditRowsOf } from './audit-rows.js';

const ID = '00000000-0000-7000-8000-0000000000aa';
const metadata = {
  ...{ actorId: '00000000-0000-7000-8000-0000000000bb', ip: '192.0.2.1', sessionId: null, tokenId: null, causationId: null },
  ...{ commandId: ID, correlationId: ID, at: '2026-01-01T00:00:00.000Z' },
};
function lineOf(event: DomainEvent): Record<string, unknown> | undefined {
  const [change] = auditRowsOf({ event, id: 'e', aggregateId: ID, version: 1, metadata });
  if (change === undefined) return undefined;
  if (change.kind !== 'insert') throw new Error('a line of the trail is inserted');
  return { ...change.row, details: JSON.parse(String(change.row['details'])) as unknown };
}

describe('the audit trail of', () => {
  it('what a gateway wrote is the entry as it was', () => {
    const event = { type: 'AuditRecorded', data: { type: 'sign-in.failed', details: { account: 'ab' } } };
    expect(lineOf(event)).toEqual({
      ...{ id: 'e', at: metadata.at, type: 'sign-in.failed', actor_id: metadata.actorId, ip: '192.0.2.1' },
      details: { account: 'ab' },
    });
  });

  it('settings has them before and after', () => {
    const [before, settings] = [FIRST_SECURITY_SETTINGS, { ...FIRST_SECURITY_SETTINGS, hidePersonalData: false }];
    const event = { type: 'SecuritySettingsChanged', data: { settings, before, weakened: ['hidePersonalData'] } };
    expect(lineOf(event)).toMatchObject({
      type: 'settings.changed',
      details: { before, after: settings, weakened: ['hidePersonalData'] },
    });
  });

  it('people names the fields and shows no words of theirs', () => {
    const data = { email: 'planted@example.test', name: 'Planted Name', isAdmin: true, roleIds: [ID] };
    const line = lineOf({ type: 'UserChanged', data });
    expect(line).toMatchObject({
      type: 'user.changed',
      details: { userId: ID, fields: ['email', 'isAdmin', 'name', 'roleIds'], isAdmin: true, roleIds: [ID] },
    });
    expect(JSON.stringify(line)).not.toMatch(/planted/i);
  });

  it('people and departments has what they came to see, before and after, and nothing of it where they did not', () => {
    const weakened = [{ name: 'grant.phone.view', before: 'forbidden', after: 'group' }];
    const detailsOf = (type: string, seen: unknown[]): Record<string, unknown> =>
      (lineOf({ type, data: { roleIds: [ID], weakened: seen } }) as { details: Record<string, unknown> }).details;
    for (const type of ['UserCreated', 'UserInvited', 'UserChanged', 'DepartmentChanged', 'DepartmentRolesChanged']) {
      expect([type, detailsOf(type, weakened)['weakened']]).toEqual([type, weakened]);
      expect([type, 'weakened' in detailsOf(type, [])]).toEqual([type, false]);
    }
  });

  it('records has deletions and assignments by id, whatever else the event holds', () => {
    expect(lineOf({ type: 'DealDeleted', data: { secret: new Secret('x') } })).toMatchObject({
      type: 'deal.deleted',
      details: { dealId: ID },
    });
    expect(lineOf({ type: 'ContactAssigned', data: { responsibleId: null } })?.['details']).toEqual({
      contactId: ID,
      responsibleId: null,
    });
  });

  it('what was shown in full, looked up and called has ids; why is no part of the line', () => {
    const point = { recordType: 'company', recordId: ID, pointId: 'p', recordVersion: 3, reason: new Secret('asked') };
    const call = { recordType: 'contact', recordId: ID, phoneId: 'p' };
    expect([
      ...[lineOf({ type: 'PhoneRevealed', data: point }), lineOf({ type: 'EmailRevealed', data: point })],
      ...[lineOf({ type: 'PhoneLookedUp', data: { matches: [] } }), lineOf({ type: 'CallPlaced', data: call })],
      ...[null, call].map((from) => lineOf({ type: 'CallReceived', data: { from, line: null } })),
    ]).toMatchObject([
      { type: 'phone.revealed', details: { revealId: ID, companyId: ID, phoneId: 'p' } },
      { type: 'email.revealed', details: { revealId: ID, companyId: ID, emailId: 'p' } },
      { type: 'phone.lookedUp', details: { matches: [] } },
      { type: 'call.placed', details: { callId: ID, contactId: ID, phoneId: 'p' } },
      { type: 'call.received', details: { callId: ID, line: null } },
      { type: 'call.received', details: { callId: ID, contactId: ID, phoneId: 'p' } },
    ]);
  });

  it('a change of a record is none: that is its history', () => {
    for (const type of ['ContactCreated', 'DealChanged', 'DealMoved', 'LeadAccepted', 'toString'])
      expect(lineOf({ type, data: {} })).toBeUndefined();
  });

  it('every act on people, rights, settings and forms has a line', () => {
    const acts = ['user', 'role', 'department', 'form', 'security-settings', 'audit'];
    const types = acts.flatMap((category) => Object.keys(AGGREGATES.get(category)?.eventVersions ?? {}));
    expect(types.length).toBeGreaterThan(10);
    for (const type of types) expect([type, lineOf({ type, data: {} }) !== undefined]).toEqual([type, true]);
  });
});
