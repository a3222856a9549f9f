import { fold } from '#kernel';
import { userDecider } from './user.decider.js';
import type { UserEvent, UserFields } from './user.events.js';

const fields: UserFields = { email: 'a@example.org', name: 'A', roleIds: [], departmentId: null, isAdmin: false };
const data = { ...fields, weakened: [] };
const created: UserEvent = { type: 'UserCreated', data };
const cause = { kind: 'administrator', reason: 'left' } as const;
const deactivated: UserEvent = { type: 'UserDeactivated', data: { epoch: 0, cause } };
const reactivated: Extract<UserEvent, { type: 'UserReactivated' }> = {
  type: 'UserReactivated',
  data: { epoch: 1, since: '2026-01-02T00:00:00.000000Z', reason: 'back', status: 'active' },
};
const given = (...events: UserEvent[]) => fold(userDecider, events);
const refusal = (code: string) => expect.objectContaining({ code });

describe('an account', () => {
  it('given nothing, when created, then created', () => {
    expect(userDecider.decide({ type: 'create', fields, weakened: [] }, given())).toEqual([created]);
  });

  it('given a person, when deactivated, then deactivated in his epoch', () => {
    expect(userDecider.decide({ type: 'deactivate', cause }, given(created))).toEqual([deactivated]);
  });

  it('given a deactivated person, when deactivated, then already-deactivated', () => {
    expect(() => userDecider.decide({ type: 'deactivate', cause }, given(created, deactivated))).toThrow(
      refusal('already-deactivated'),
    );
  });

  it('given a deactivated person, when reactivated, then a new epoch', () => {
    const command = { type: 'reactivate', reason: 'back', since: '2026-01-02T00:00:00.000000Z', isHeld: false } as const;
    expect(userDecider.decide(command, given(created, deactivated))).toEqual([reactivated]);
    expect(given(created, deactivated, reactivated)).toMatchObject({ phase: 'active', epoch: 1 });
  });

  it('given an active person, when reactivated, then already-active, unless he is held', () => {
    const command = { type: 'reactivate', reason: 'back', since: '2026-01-02T00:00:00.000000Z' } as const;
    expect(() => userDecider.decide({ ...command, isHeld: false }, given(created))).toThrow(refusal('already-active'));
    expect(userDecider.decide({ ...command, isHeld: true }, given(created))).toEqual([reactivated]);
  });

  it('given an invited person, when activated, then active, once', () => {
    const invited: UserEvent = { type: 'UserInvited', data };
    expect(userDecider.decide({ type: 'invite', fields, weakened: [] }, given())).toEqual([invited]);
    expect(given(invited).phase).toBe('invited');
    const activated: UserEvent = { type: 'UserActivated', data: { status: 'active' } };
    expect(userDecider.decide({ type: 'activate' }, given(invited))).toEqual([activated]);
    expect(userDecider.decide({ type: 'activate' }, given(invited, activated))).toEqual([]);
    expect(userDecider.decide({ type: 'activate' }, given(created))).toEqual([]);
    expect(given(invited, activated).phase).toBe('active');
  });

  it('given an invited person who was deactivated, when reactivated, then invited again, unless he was activated meanwhile', () => {
    const invited: UserEvent = { type: 'UserInvited', data };
    const command = { type: 'reactivate', reason: 'back', since: '2026-01-02T00:00:00.000000Z', isHeld: false } as const;
    const back = (status: 'active' | 'invited'): UserEvent[] => [{ ...reactivated, data: { ...reactivated.data, status } }];
    expect(userDecider.decide(command, given(invited, deactivated))).toEqual(back('invited'));
    expect(given(invited, deactivated, ...back('invited')).phase).toBe('invited');
    const activated = userDecider.decide({ type: 'activate' }, given(invited, deactivated));
    expect(activated).toEqual([{ type: 'UserActivated', data: { status: 'deactivated' } }]);
    expect(given(invited, deactivated, ...activated).phase).toBe('deactivated');
    expect(userDecider.decide(command, given(invited, deactivated, ...activated))).toEqual(back('active'));
    expect(() => userDecider.decide(command, given(invited))).toThrow(refusal('already-active'));
  });

  it('given a person, when changed to what he is, then nothing', () => {
    expect(userDecider.decide({ type: 'change', changes: { roleIds: [], name: 'A' }, weakened: [] }, given(created))).toEqual([]);
  });

  it('given nobody, when changed, deactivated or reactivated, then not-found', () => {
    expect(() => userDecider.decide({ type: 'change', changes: {}, weakened: [] }, given())).toThrow(refusal('not-found'));
    expect(() => userDecider.decide({ type: 'deactivate', cause }, given())).toThrow(refusal('not-found'));
  });
});
