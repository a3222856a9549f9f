import { fold } from '#kernel';
import { rewindUserBody, windowOf } from './rewind.commands.js';
import { rewindDecider, type RewindCommand } from './rewind.decider.js';
import type { RewindEvent } from './rewind.events.js';
import { fieldsTouched, kindOf, namesIn, valueGiven } from './touched-fields.js';

const window = { since: '2026-01-01T00:00:00.000Z', until: '2026-01-02T00:00:00.000Z' };
const start: RewindCommand = { type: 'start', data: { userId: 'u', ...window, changes: 3, conflicts: 1, hides: 2 } };
const finish: RewindCommand = { type: 'finish', data: { outcome: 'done', changes: 2, conflicts: 2 } };
const started: RewindEvent = { type: 'RewindStarted', data: start.data };
const finished: RewindEvent = { type: 'RewindFinished', data: finish.data };

describe('a rewind', () => {
  const when = (given: readonly RewindEvent[], command: RewindCommand): readonly RewindEvent[] =>
    rewindDecider.decide(command, fold(rewindDecider, given));

  it('starts once', () => {
    expect(when([], start)).toEqual([started]);
    expect(() => when([started], start)).toThrow(expect.objectContaining({ code: 'already-exists' }));
  });

  it('finishes once, after it was started', () => {
    expect(when([started], finish)).toEqual([finished]);
    expect(when([started, finished], finish)).toEqual([]);
    expect(() => when([], finish)).toThrow(expect.objectContaining({ code: 'not-found' }));
  });
});

describe('the window of a rewind', () => {
  const now = '2026-01-03T00:00:00.000Z';

  it('ends now unless it ended before', () => {
    expect(windowOf({ since: window.since }, now).until).toBe(now);
    expect(windowOf(window, now)).toEqual(window);
    expect(windowOf({ ...window, until: '2999-01-01T00:00:00.000Z' }, now).until).toBe(now);
    expect(windowOf({ since: now, until: now }, now)).toEqual({ since: now, until: now });
  });

  it('does not begin after its end', () => {
    for (const since of ['2026-01-02T00:00:00.001Z', '2026-01-04T00:00:00.000Z']) {
      expect(() => windowOf({ ...window, since }, now)).toThrow(expect.objectContaining({ code: 'validation-failed' }));
    }
  });

  it('is written as the times of events are, whatever the offset', () => {
    expect(rewindUserBody.parse({ since: '2026-01-01T03:00:00+03:00' })).toEqual({ since: window.since, dryRun: false });
    expect(rewindUserBody.safeParse({ since: '2026-01-01' }).success).toBe(false);
    expect(rewindUserBody.safeParse({ since: '2026-02-30T00:00:00Z' }).success).toBe(false);
  });
});

describe('what an event touches', () => {
  it('is each member of a change, each custom field by itself', () => {
    const data = { note: null, customFields: { a: null, b: 1 } };
    expect(fieldsTouched('changed', namesIn(data))).toEqual(['note', 'customFields.a', 'customFields.b']);
    expect([valueGiven('ContactChanged', data, 'note'), valueGiven('ContactChanged', data, 'customFields.b')]).toEqual([null, 1]);
  });

  it('is told for events of records only', () => {
    expect(kindOf('DealMoved')).toBe('moved');
    expect(() => kindOf('RoleCreated')).toThrow('no event of a record');
    expect(() => kindOf('toString')).toThrow('no event of a record');
  });

  it('gives null where a creation says nothing', () => {
    const data = { name: 'n', responsibleId: null };
    const given = ['customFields.x', 'website', 'deleted'].map((field) => valueGiven('CompanyCreated', data, field));
    expect(given).toEqual([null, null, false]);
  });
});
