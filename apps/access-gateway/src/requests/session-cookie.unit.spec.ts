import { cookieToken, isFromOwnPage, NO_SESSION_COOKIE, sessionCookie } from './session-cookie.js';

describe('the session cookie', () => {
  it('is for this host, and for no script', () => {
    expect(sessionCookie('pls_s_x')).toBe('__Host-palisade=pls_s_x; Path=/; HttpOnly; Secure; SameSite=Strict');
    expect(NO_SESSION_COOKIE).toBe('__Host-palisade=; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=0');
  });

  it.each([
    ['__Host-palisade=a', 'a'],
    ['theme=dark; __Host-palisade=a; x=1', 'a'],
    ['__Host-palisade=a=b', 'a=b'],
    ['__host-palisade=a', undefined],
    ['x__Host-palisade=a', undefined],
    ['x=__Host-palisade=a', undefined],
    ['__Host-palisade=a; __Host-palisade=b', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('in %p is %p', (header, token) => expect(cookieToken(header)).toBe(token));
});

describe('a request with a cookie', () => {
  const host = 'crm.example.test';
  it.each([
    ['POST', { host, 'sec-fetch-site': 'same-origin' }, true],
    ['POST', { host, 'sec-fetch-site': 'none' }, true],
    ['POST', { host, 'sec-fetch-site': 'same-site', origin: 'https://crm.example.test' }, false],
    ['POST', { host, 'sec-fetch-site': 'cross-site' }, false],
    ['POST', { host, 'sec-fetch-site': 'same-origin, cross-site' }, false],
    ['GET', { host, 'sec-fetch-site': 'cross-site' }, false],
    ['GET', { host, 'sec-fetch-site': 'same-site' }, false],
    ['GET', { host, 'sec-fetch-site': 'same-origin' }, true],
    ['GET', { host }, true],
    ['GET', { host, origin: 'https://evil.test' }, false],
    ['POST', { host }, false],
    ['DELETE', { host }, false],
    ['POST', { host, origin: 'https://crm.example.test' }, true],
    ['POST', { host: 'CRM.example.test:443', origin: 'https://crm.example.test' }, true],
    ['POST', { host: '127.0.0.1:3000', origin: 'http://127.0.0.1:3000' }, true],
    ['POST', { host: '127.0.0.1:3000', origin: 'http://127.0.0.1:3001' }, false],
    ['POST', { host, origin: 'https://crm.example.test.evil.test' }, false],
    ['POST', { host, origin: 'https://evil.test/crm.example.test' }, false],
    ['POST', { host, origin: 'https://evil.test@crm.example.test' }, false],
    ['POST', { host, origin: 'null' }, false],
    ['POST', { host, origin: '' }, false],
    ['POST', { origin: 'https://crm.example.test' }, false],
    ['POST', { host: 'a b', origin: 'https://a b' }, false],
  ])('%s with %j is of an own page: %p', (method, headers, own) => expect(isFromOwnPage(method, headers)).toBe(own));
});
