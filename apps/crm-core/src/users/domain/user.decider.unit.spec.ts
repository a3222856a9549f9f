import { fold } from '#kernel';
import { userDecider } from './user.decider.js';
import type { UserEvent, UserFields } from './user.events.js';

const fields: UserFields = { email: 'a@example.org', name: 'A', roleIds: [], departmentId: null, isAdmin: false };
const created: UserEvent = { type: 'UserCreated', data: fields };
const cause = { kind: 'administrator', reason: 'left' } as const;
const deactivated: UserEvent = { type: 'UserDeactivated', data: { epoch: 0, cause } };
const reactivated: UserEvent = {
  type: 'UserReactivated',
  data: { epoch: 1, since: '2026-01-02T00:00:00.000000Z', reason: 'back' },
};
const given = (...events: UserEvent[]) => fold(userDecider, events);
const refusal = (code: string) => expect.objectContaining({ code });

describe('an account', () => {
  it('given nothing, when created, then created', () => {
    expect(userDecider.decide({ type: 'create', fields }, given())).toEqual([created]);
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

  it('given a person, when changed to what he is, then nothing', () => {
    expect(userDecider.decide({ type: 'change', changes: { roleIds: [], name: 'A' } }, given(created))).toEqual([]);
  });

  it('given nobody, when changed, deactivated or reactivated, then not-found', () => {
    expect(() => userDecider.decide({ type: 'change', changes: {} }, given())).toThrow(refusal('not-found'));
    expect(() => userDecider.decide({ type: 'deactivate', cause }, given())).toThrow(refusal('not-found'));
  });
});
