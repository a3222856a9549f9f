import { admitEachStatement, inOrder, type Asking, type PlacedAnswer } from './gate-statements.js';

const asking = (request: string, change: Partial<Asking> = {}): Asking => ({
  ...{ viewer: 'v', measure: 'list.rows', kind: 'row', subjectType: 'contact', subjects: ['a'], request },
  ...{ session: null, token: null, ip: '2001:db8::1', masked: true },
  ...change,
});
const answer = (places: string, requests: string): PlacedAnswer => ({ places, requests, decision: 'admitted', authz_version: 1 });

describe('the statement for several', () => {
  it('says where the subjects of each end', () => {
    const { values } = admitEachStatement([asking('p'), asking('q', { subjects: [] }), asking('r', { subjects: ['b', 'c'] })]);
    expect(values[4]).toBe('{a,b,c}');
    expect(values[5]).toBe('{1,1,3}');
    expect(values[7]).toBe('{NULL,NULL,NULL}');
    expect(values[9]).toBe('{2001:db8::1,2001:db8::1,2001:db8::1}');
  });

  it.each(['a,b', '', 'null', 'a"b', '{'])('leaves what would not stand as it is to the driver: %j', (ip) => {
    expect(admitEachStatement([asking('p', { ip })]).values[9]).toEqual([ip]);
  });
});

describe('answers', () => {
  const asked = [asking('p'), asking('q'), asking('q')];

  it('stand at the place of their request; who has none stays undecided', () => {
    const [second, third] = [answer('2', 'q'), answer('3', 'q')];
    expect(inOrder(asked, [third, second])).toEqual([undefined, second, third]);
  });

  it('that are alike are one row', () => {
    const [alike, other] = [answer('3,1', 'q,p'), answer('2', 'q')];
    expect(inOrder(asked, [alike, other])).toEqual([alike, other, alike]);
  });

  it.each([
    ['of another request', [answer('1', 'q')]],
    ['of another request among others', [answer('1,2', 'p,p')]],
    ['beyond the last', [answer('4', 'q')]],
    ['before the first', [answer('0', 'p')]],
    ['without its request', [answer('1,2', 'p')]],
    ['twice', [answer('1', 'p'), answer('1', 'p')]],
    ['twice in a row', [answer('1,1', 'p,p')]],
    ['of nobody', [answer('', '')]],
  ])('are nobody’s when one is %s', (_, rows) => {
    expect(() => inOrder(asked, rows)).toThrow('the gate answered out of order');
  });
});
