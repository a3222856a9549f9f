import { planRecord, type RecordPlan, type RewindScope, type Touch } from './record-plan.js';
import type { TouchKind } from './touched-fields.js';

const SCOPE: RewindScope = {
  rewindId: 'r',
  userId: 'anna',
  since: '2026-01-01T00:00:02.000Z',
  until: '2026-01-01T00:00:09.000Z',
};

/** A record made by nobody in particular at second 0; then one touch a second. */
function history(...touches: readonly (readonly [actorId: string, kind: TouchKind, ...fields: string[]])[]): Touch[] {
  return ([['web', 'created', 'deleted'], ...touches] as const).map(([actorId, kind, ...fields], index) => ({
    ...{ seq: 100 + index, version: index + 1, kind, actorId, fields, causationId: null },
    at: `2026-01-01T00:00:0${index}.000Z`,
  }));
}
const plan = (touches: readonly Touch[], scope: Partial<RewindScope> = {}): RecordPlan =>
  planRecord(touches, { ...SCOPE, ...scope });
const nothing: RecordPlan = { putBack: [], changes: [], conflicts: [], hides: false };

describe('the plan of a record', () => {
  it('puts a field back to what the last other event gave', () => {
    const touches = history(['bert', 'changed', 'note'], ['anna', 'changed', 'note', 'name']);
    expect(plan(touches)).toEqual({
      putBack: [
        { field: 'note', version: 2 },
        { field: 'name', version: 1 },
      ],
      changes: [{ seq: 102, version: 3, kind: 'changed', fields: ['note', 'name'] }],
      conflicts: [],
      hides: false,
    });
  });

  it('gives what another wrote in between, not what stood first', () => {
    const touches = history(
      ['bert', 'assigned'],
      ['anna', 'changed', 'note'],
      ['bert', 'changed', 'note'],
      ['anna', 'changed', 'note'],
    );
    expect(plan(touches).putBack).toEqual([{ field: 'note', version: 4 }]);
    expect(plan(touches).changes.map(({ version }) => version)).toEqual([3, 5]);
  });

  it('leaves what was touched later and names who did, once a field', () => {
    const touches = history(
      ['bert', 'assigned', 'responsibleId'],
      ['anna', 'changed', 'note', 'name'],
      ['anna', 'changed', 'note'],
      ['cora', 'changed', 'note'],
    );
    expect(plan(touches)).toEqual({
      putBack: [{ field: 'name', version: 1 }],
      changes: [{ seq: 102, version: 3, kind: 'changed', fields: ['name'] }],
      conflicts: [
        { seq: 103, version: 4, kind: 'changed', fields: ['note'], field: 'note', changedBy: 'cora', reason: 'changed-later' },
      ],
      hides: false,
    });
  });

  it('takes the window with both ends, and what the person did after it as another edit', () => {
    const touches = history(
      ['anna', 'changed', 'a'],
      ['anna', 'changed', 'b'],
      ['anna', 'changed', 'c'],
      ['anna', 'changed', 'c'],
    );
    const [b, c] = [touches[2]?.at as string, touches[3]?.at as string];
    expect(plan(touches, { since: b, until: c })).toMatchObject({
      putBack: [{ field: 'b', version: 1 }],
      conflicts: [{ field: 'c', version: 4, changedBy: 'anna', reason: 'changed-later' }],
    });
  });

  it('treats each custom field as a field of its own', () => {
    const touches = history(['bert', 'changed', 'customFields.x'], ['anna', 'changed', 'customFields.x', 'customFields.y']);
    expect(plan(touches).putBack).toEqual([
      { field: 'customFields.x', version: 2 },
      { field: 'customFields.y', version: 1 },
    ]);
  });

  it('does not undo what the rewind itself did', () => {
    const touches = history(['bert', 'changed', 'note'], ['anna', 'changed', 'note']);
    const own = touches.map((touch, index) => (index === 2 ? { ...touch, causationId: 'r' } : touch));
    expect(plan(own)).toEqual(nothing);
    expect(plan(touches, { userId: 'nobody' })).toEqual(nothing);
  });

  it.each<[boolean, string, readonly (readonly [string, TouchKind, ...string[]])[]]>([
    [
      true,
      'brought back by him, deleted by another',
      [
        ['bert', 'deleted', 'deleted'],
        ['anna', 'restored', 'deleted'],
      ],
    ],
    [false, 'deleted by him', [['anna', 'deleted', 'deleted']]],
    [
      false,
      'deleted and brought back by him',
      [
        ['anna', 'deleted', 'deleted'],
        ['anna', 'restored', 'deleted'],
      ],
    ],
    [
      false,
      'brought back by him and deleted by another',
      [
        ['bert', 'deleted', 'deleted'],
        ['anna', 'restored', 'deleted'],
        ['bert', 'deleted', 'deleted'],
      ],
    ],
  ])('hides it: %s, when it was %s', (hides, _, touches) => {
    expect(plan(history(['web', 'changed', 'note'], ...touches)).hides).toBe(hides);
  });

  describe('of a creation', () => {
    const from = (...touches: readonly (readonly [string, TouchKind, ...string[]])[]): Touch[] =>
      history(['anna', 'created', 'deleted'], ...touches)
        .slice(1)
        .map((touch, index) => ({ ...touch, version: index + 1 }));
    const all = { since: '2026-01-01T00:00:00.000Z' };

    it('hides it, unless he deleted it himself', () => {
      expect(plan(from(['anna', 'changed', 'note']), all).hides).toBe(true);
      expect(plan(from(['anna', 'deleted', 'deleted']), all).hides).toBe(false);
      expect(plan(from(['bert', 'changed', 'note']), all).hides).toBe(false);
    });

    it('deletes it, with all that the person did to it', () => {
      expect(plan(from(['anna', 'changed', 'note']), all)).toMatchObject({
        putBack: [{ field: 'deleted', version: null }],
        changes: [
          { version: 1, kind: 'created', fields: ['deleted'] },
          { version: 2, kind: 'changed', fields: ['note'] },
        ],
        conflicts: [],
      });
    });

    it('stays when somebody else touched the record, and keeps what it began with', () => {
      expect(plan(from(['anna', 'changed', 'note'], ['bert', 'changed', 'name']), all)).toMatchObject({
        putBack: [{ field: 'note', version: 1 }],
        changes: [{ version: 2, fields: ['note'] }],
        conflicts: [{ version: 1, kind: 'created', field: 'deleted', changedBy: 'bert', reason: 'changed-later' }],
      });
    });

    it('stays when it was erased, whoever did that', () => {
      for (const eraser of ['anna', 'bert']) {
        expect(
          plan(from(['anna', 'changed', 'note'], [eraser, 'erased', 'deleted'], ['bert', 'changed', 'x']), all),
        ).toMatchObject({
          putBack: [],
          changes: [],
          conflicts: [
            { field: 'deleted', changedBy: eraser, reason: 'erased' },
            { field: 'note', changedBy: eraser, reason: 'erased' },
          ],
        });
      }
    });
  });

  it('finds nothing behind an erasing', () => {
    const touches = history(['web', 'erased', 'deleted'], ['anna', 'moved', 'stageId']);
    expect(plan(touches)).toMatchObject({ putBack: [], conflicts: [{ field: 'stageId', changedBy: 'web', reason: 'erased' }] });
  });

  it('restores what was deleted, and deletes what was restored', () => {
    expect(plan(history(['bert', 'assigned'], ['anna', 'deleted', 'deleted']))).toMatchObject({
      putBack: [{ field: 'deleted', version: 1 }],
    });
    expect(plan(history(['bert', 'deleted', 'deleted'], ['anna', 'restored', 'deleted']))).toMatchObject({
      putBack: [{ field: 'deleted', version: 2 }],
    });
  });
});
