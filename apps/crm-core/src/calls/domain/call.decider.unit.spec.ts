import { fold } from '#kernel';
import { callDecider, type CallCommand, type CallEvent, type PlacedCall } from './call.decider.js';
import { incomingCallDecider } from './incoming-call.decider.js';

const [recordId, phoneId] = ['00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-00000000000b'];
const call: PlacedCall = { recordType: 'contact', recordId, phoneId };
const placed: CallEvent = { type: 'CallPlaced', data: call };
const handedOver: CallEvent = { type: 'CallHandedOver', data: {} };
const failed: CallEvent = { type: 'CallFailed', data: { cause: 'unreachable' } };
const given = (...events: readonly CallEvent[]) => ({
  when: (command: CallCommand) => callDecider.decide(command, fold(callDecider, events)),
});

describe('a call', () => {
  it('is placed once', () => {
    expect(given().when({ type: 'place', call })).toEqual([placed]);
    expect(() => given(placed).when({ type: 'place', call })).toThrow(expect.objectContaining({ code: 'already-exists' }));
  });

  it('has one end, whichever came first', () => {
    const ends: readonly CallCommand[] = [{ type: 'hand-over' }, { type: 'fail', cause: 'unreachable' }];
    expect(ends.map((end) => given(placed).when(end))).toEqual([[handedOver], [failed]]);
    for (const first of [handedOver, failed]) for (const end of ends) expect(given(placed, first).when(end)).toEqual([]);
    for (const end of ends) expect(() => given().when(end)).toThrow(expect.objectContaining({ code: 'not-found' }));
  });
});

describe('an incoming call', () => {
  const receive = (from: readonly PlacedCall[], received = false) =>
    incomingCallDecider.decide({ type: 'receive', from, line: '101' }, { received });

  it('is an event for each record that the number is of, and one for a number of nobody', () => {
    const other: PlacedCall = { ...call, recordType: 'company' };
    expect(receive([call, other]).map(({ data }) => data)).toEqual([
      { from: call, line: '101' },
      { from: other, line: '101' },
    ]);
    expect(receive([]).map(({ data }) => data)).toEqual([{ from: null, line: '101' }]);
  });

  it('is received once', () => {
    expect(() => receive([call], true)).toThrow(expect.objectContaining({ code: 'already-exists' }));
  });
});
