import { weakenedRights } from './weakened-rights.js';

describe('rights to see full numbers and addresses', () => {
  it('are weaker at a wider level, with what it was and is', () => {
    expect(weakenedRights({}, { phone: { view: 'responsible' } })).toEqual([
      { name: 'grant.phone.view', before: 'forbidden', after: 'responsible' },
    ]);
    expect(weakenedRights({ email: { view: 'group' } }, { phone: { view: 'group' }, email: { view: 'allowed' } })).toEqual([
      { name: 'grant.phone.view', before: 'forbidden', after: 'group' },
      { name: 'grant.email.view', before: 'group', after: 'allowed' },
    ]);
  });

  it('are not at the same or a narrower one, nor by any other right', () => {
    for (const after of [{ phone: { view: 'allowed' } }, { phone: { view: 'group' } }, {}] as const)
      expect(weakenedRights({ phone: { view: 'allowed' } }, after)).toEqual([]);
    expect(weakenedRights({}, { phone: { reveal: 'allowed' }, contact: { view: 'allowed' } })).toEqual([]);
  });
});
