import type { LoggedEvent } from './stream-reader.js';
import { withoutReplaced } from './replaced-fields.js';

const aggregate = { changedBy: 'ThingChanged' };
const event = (version: number, type: string, data: object): LoggedEvent => ({
  ...{ id: `e${version}`, stream: 'thing-1', version, type, schemaVersion: 1, data },
  metadata: { at: '2026-01-01T00:00:00.000Z', actorId: null, ip: null },
});
const dataOf = (events: readonly LoggedEvent[]): unknown => withoutReplaced(aggregate, events).map(({ data }) => data);

describe('values that a later change replaces', () => {
  it('given changes of a field, when they are left out, then the last stays, and the fields that nobody changed', () => {
    const events = [
      event(1, 'ThingCreated', { name: 'a', note: 'b', tags: [] }),
      event(2, 'ThingChanged', { name: 'c' }),
      event(3, 'ThingMoved', { name: 'of its own' }),
      event(4, 'ThingChanged', { name: null, tags: ['t'] }),
    ];
    expect(dataOf(events)).toEqual([{ note: 'b' }, {}, { name: 'of its own' }, { name: null, tags: ['t'] }]);
    expect(events[0]?.data).toEqual({ name: 'a', note: 'b', tags: [] });
  });

  it('keeps fields whose members are replaced one by one', () => {
    const events = [
      event(1, 'ThingCreated', { customFields: { a: 1 } }),
      event(2, 'ThingChanged', { customFields: { b: 2 } }),
      event(3, 'ThingChanged', { customFields: { b: 3 } }),
    ];
    expect(dataOf(events)).toEqual(events.map(({ data }) => data));
  });

  it('leaves streams as they are that nobody changed, or whose changes are no fields', () => {
    const made = [event(1, 'ThingCreated', { name: 'a' }), event(2, 'ThingMoved', { name: 'b' })];
    expect(withoutReplaced(aggregate, made)).toBe(made);
    const changed = [event(1, 'ThingCreated', { name: 'a' }), event(2, 'ThingChanged', { name: 'b' })];
    expect(withoutReplaced({}, changed)).toBe(changed);
  });
});
