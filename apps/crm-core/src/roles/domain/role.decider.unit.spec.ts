import { fold } from '#kernel';
import { grantWeakenings, roleDecider, type RoleEvent, type RoleFields } from './role.decider.js';

const fields: RoleFields = { name: 'Manager', extendsId: null, grants: { contact: { view: 'group' } } };
const created: RoleEvent = { type: 'RoleCreated', data: { ...fields, weakened: [] } };
const given = (...events: RoleEvent[]) => fold(roleDecider, events);

describe('a role', () => {
  it('given nothing, when created, then created', () => {
    expect(roleDecider.decide({ type: 'create', fields }, given())).toEqual([created]);
  });

  it('given a role, when its grants change, then they replace the old ones whole', () => {
    const grants = { deal: { view: 'allowed' } } as const;
    const [event] = roleDecider.decide({ type: 'change', changes: { grants } }, given(created));
    expect(event).toEqual({ type: 'RoleChanged', data: { grants, weakened: [] } });
    expect(given(created, event as RoleEvent)).toMatchObject({ fields: { name: 'Manager', grants } });
  });

  it('given a role, when changed to what it is, then nothing', () => {
    expect(roleDecider.decide({ type: 'change', changes: { grants: { contact: { view: 'group' } } } }, given(created))).toEqual(
      [],
    );
  });

  it('says when it lets full numbers be seen', () => {
    expect(grantWeakenings({}, { phone: { view: 'responsible' } })).toEqual(['grant.phone.view']);
    expect(grantWeakenings({ phone: { view: 'allowed' } }, { phone: { view: 'allowed' } })).toEqual([]);
    expect(grantWeakenings({ email: { view: 'allowed' } }, {})).toEqual([]);
  });
});
