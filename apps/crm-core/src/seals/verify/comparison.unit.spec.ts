import { hash } from 'node:crypto';
import fc from 'fast-check';
import { firstDifference, isSame, type LoggedEvent, type SealedEvent } from './comparison.js';

const logged = (id: string, content = id): LoggedEvent => {
  return { id, seq: '1', stream: 's', version: '1', hash: hash('sha256', content, 'buffer') };
};
const listed = (id: string): SealedEvent => ({ seal: 1, id, print: logged(id).hash });
const printed = (id: string): SealedEvent => ({ seal: 1, id: null, print: logged(id).hash.subarray(0, 8) });

/** From the place on where the two part, as the verifier does. */
function compare(sealed: readonly SealedEvent[], log: readonly LoggedEvent[]) {
  const at = sealed.findIndex((event, index) => log[index] === undefined || !isSame(event, log[index]));
  return at === -1 ? undefined : firstDifference(sealed.slice(at), log.slice(at));
}

describe.each([
  ['with what the database lists', listed],
  ['with what stands outside only', printed],
])('the comparison, %s,', (_, sealedAs) => {
  const ids = ['a', 'b', 'c', 'd', 'e'];
  const sealed = ids.map(sealedAs);

  it('finds nothing in what is as it was', () => {
    expect(
      compare(
        sealed,
        ids.map((id) => logged(id)),
      ),
    ).toBeUndefined();
  });

  it.each([0, 2, 4])('tells a changed event, the %i.', (index) => {
    const log = ids.map((id, at) => logged(id, at === index ? 'other' : id));
    expect(compare(sealed, log)).toMatchObject({ kind: 'changed', logged: { id: ids[index] } });
  });

  it.each([0, 2, 4])('tells a missing event, the %i.', (index) => {
    const log = ids.filter((_id, at) => at !== index).map((id) => logged(id));
    expect(compare(sealed, log)).toMatchObject({ kind: 'missing', sealed: { print: sealedAs(ids[index] as string).print } });
  });

  it.each([0, 2, 4])('tells an inserted event, before the %i.', (index) => {
    const log = [...ids.slice(0, index), 'x', ...ids.slice(index)].map((id) => logged(id));
    expect(compare(sealed, log)).toMatchObject({ kind: 'inserted', logged: { id: 'x' } });
  });

  it('tells events in another order, and which one left its place', () => {
    const log = ['a', 'd', 'c', 'b', 'e'].map((id) => logged(id));
    expect(compare(sealed, log)).toMatchObject({ kind: 'out-of-order', moved: { id: 'b' }, logged: { id: 'd' } });
  });

  it('never takes a log for whole that is not', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...ids, 'x', 'y'), { maxLength: 8 }), (others) => {
        const isWhole = ids.every((id, index) => others[index] === id);
        expect(
          compare(
            sealed,
            others.map((id) => logged(id)),
          ) === undefined,
        ).toBe(isWhole);
      }),
    );
  });
});
