import { invitationHash, newToken, parseBearer, tokenHash } from './token.js';

describe('tokens', () => {
  it('look different by kind and are kept as hashes', () => {
    const [session, api, invitation] = [newToken('session'), newToken('api'), newToken('invitation')];
    expect([session.token.slice(0, 6), api.token.slice(0, 6), invitation.token.slice(0, 6)]).toEqual([
      'pls_s_',
      'pls_t_',
      'pls_i_',
    ]);
    expect(session.hash).toEqual(tokenHash(session.token));
    expect(parseBearer(`Bearer ${session.token}`)).toEqual({ kind: 'session', hash: session.hash });
    expect(parseBearer(`bearer  ${api.token}`)).toEqual({ kind: 'api', hash: api.hash });
    expect(parseBearer(`Bearer ${invitation.token}`)).toBeNull();
    expect(invitationHash(invitation.token)).toEqual(invitation.hash);
    expect(invitationHash(session.token)).toBeNull();
  });

  it.each([
    [undefined],
    [''],
    ['Bearer'],
    ['Bearer pls_s_short'],
    ['Basic abc'],
    [`Bearer PLS_S_${'a'.repeat(43)}`],
    [`Bearer pls_x_${'a'.repeat(43)}`],
  ])('are not read from %p', (header) => expect(parseBearer(header)).toBeNull());
});
