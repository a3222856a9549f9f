import fc from 'fast-check';
import { frame } from './event-stream.js';

describe('a frame', () => {
  it('is one id, one event and one line of data, whatever the data', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (data) => {
        const lines = frame({ id: 'a', event: 'limit.exceeded', data }).split('\n');
        expect(lines).toHaveLength(5);
        expect(JSON.parse((lines[2] ?? '').slice('data: '.length))).toEqual(JSON.parse(JSON.stringify(data)));
      }),
    );
  });

  it('cannot be broken by its id or event', () => {
    expect(() => frame({ id: 'a\nevent: x', event: 'e', data: 1 })).toThrow('line break');
    expect(() => frame({ id: 'a', event: 'e\rdata: x', data: 1 })).toThrow('line break');
  });
});
