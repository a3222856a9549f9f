import { joinedUuidArray, uuidArray } from './uuid-array.js';

const [A, B] = ['01a21b0c-044c-72dc-909b-a3ca825fdbb6', 'FFFFFFFF-FFFF-4FFF-8FFF-FFFFFFFFFFFF'];
const element = (id: string): string => `00000010${id.replaceAll('-', '').toLowerCase()}`;

describe('a uuid[] in the form of the database', () => {
  it('has its header, and each id behind its length', () => {
    expect(uuidArray([A, B]).toString('hex')).toBe(
      `00000001${'00000000'}00000b86${'00000002'}00000001${element(A)}${element(B)}`,
    );
  });

  it('has no dimension when it is empty', () => {
    expect(uuidArray([]).toString('hex')).toBe('000000000000000000000b86');
    expect(joinedUuidArray([[], []]).toString('hex')).toBe('000000000000000000000b86');
  });

  it('says that there is a null', () => {
    expect(uuidArray([null, A]).toString('hex')).toBe(`00000001${'00000001'}00000b86${'00000002'}00000001ffffffff${element(A)}`);
  });

  it('is the same for lists end to end, however often', () => {
    const list = [A];
    for (let n = 0; n < 2; n += 1) expect(joinedUuidArray([list, [B], list])).toEqual(uuidArray([A, B, A]));
  });

  it.each([['x'], [A.slice(1)], [`${A}0`], [A.replace('0', 'g')]])('is made of nothing else: %s', (text) => {
    expect(() => uuidArray([text])).toThrow(RangeError);
    expect(() => joinedUuidArray([[A], [text]])).toThrow(RangeError);
  });
});
