import { fold } from '#kernel';
import { readGrants, roleDecider, type RoleEvent, type RoleFields } from './role.decider.js';

const fields: RoleFields = {
  name: 'Manager',
  extendsId: null,
  grants: { contact: { view: 'group' } },
  requireSecondFactor: false,
};
const created: RoleEvent = { type: 'RoleCreated', data: { ...fields, weakened: [] } };
const refusal = (code: string) => expect.objectContaining({ code });
const none = { before: {}, after: {} };
const given = (...events: RoleEvent[]) => fold(roleDecider, events);

describe('a role', () => {
  it('given one that requires a second factor, when it does no more, then that is a weakening', () => {
    const strict: RoleEvent = { type: 'RoleCreated', data: { ...fields, requireSecondFactor: true, weakened: [] } };
    const lift = { type: 'change', changes: { requireSecondFactor: false }, resolved: none } as const;
    expect(roleDecider.decide(lift, given(strict))).toEqual([
      { type: 'RoleChanged', data: { requireSecondFactor: false, weakened: ['requireSecondFactor'] } },
    ]);
    expect(roleDecider.decide({ ...lift, changes: { requireSecondFactor: true } }, given(created))).toEqual([
      { type: 'RoleChanged', data: { requireSecondFactor: true, weakened: [] } },
    ]);
  });

  it('given nothing, when created, then created', () => {
    expect(roleDecider.decide({ type: 'create', fields, resolved: none }, given())).toEqual([created]);
  });

  it('given a role, when its grants change, then they replace the old ones whole', () => {
    const grants = { deal: { view: 'allowed' } } as const;
    const [event] = roleDecider.decide({ type: 'change', changes: { grants }, resolved: none }, given(created));
    expect(event).toEqual({ type: 'RoleChanged', data: { grants, weakened: [] } });
    expect(given(created, event as RoleEvent)).toMatchObject({ fields: { name: 'Manager', grants } });
  });

  it('given a role, when changed to what it is, then nothing', () => {
    const changes = { grants: { contact: { view: 'group' } } } as const;
    expect(roleDecider.decide({ type: 'change', changes, resolved: none }, given(created))).toEqual([]);
  });

  it('says when it lets full numbers be seen', () => {
    const resolved = { before: {}, after: { phone: { view: 'group' }, email: { view: 'allowed' } } } as const;
    const [event] = roleDecider.decide({ type: 'change', changes: { name: 'Other' }, resolved }, given(created));
    expect(event?.data).toMatchObject({ weakened: ['grant.phone.view', 'grant.email.view'] });
  });

  it('marks what it gets from a parent as well', () => {
    const resolved = { before: {}, after: { phone: { view: 'allowed' } } } as const;
    const [event] = roleDecider.decide({ type: 'change', changes: { extendsId: 'p' }, resolved }, given(created));
    expect(event?.data.weakened).toEqual(['grant.phone.view']);
  });

  it('given a role, when created again, then already-exists; given none, when changed, then not-found', () => {
    expect(() => roleDecider.decide({ type: 'create', fields, resolved: none }, given(created))).toThrow(
      refusal('already-exists'),
    );
    expect(() => roleDecider.decide({ type: 'change', changes: {}, resolved: none }, given())).toThrow(refusal('not-found'));
  });
});

describe('the grants of a body', () => {
  it('are refused as level-not-applicable when nothing else is wrong', () => {
    expect(() => readGrants({ contact: { create: 'group' } })).toThrow(refusal('level-not-applicable'));
    expect(() => readGrants({ contact: { create: 'group', fly: 'allowed' } })).toThrow(refusal('validation-failed'));
    expect(() => readGrants(null)).toThrow(refusal('validation-failed'));
    expect(readGrants({ contact: { create: 'allowed' } })).toEqual({ contact: { create: 'allowed' } });
  });
});
