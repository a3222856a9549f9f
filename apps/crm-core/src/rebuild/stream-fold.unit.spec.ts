import { insertRow, RAISE_AUTHZ, removeRow, updateRow, type RowChange } from '../log/row-change.js';
import { RowFold } from '../log/row-fold.js';
import { foldChanges } from './stream-fold.js';

const rowOf = (changes: readonly RowChange[]): unknown => foldChanges('role-1', changes).rows.get('read.roles')?.get('1');
const made = insertRow('read.roles', { id: '1', name: 'first', version: 1 });
const points = (ids: readonly string[], isNew: boolean): RowChange => ({
  ...{ kind: 'points', recordType: 'contact', recordId: 'r', pointKind: 'phone', isNew },
  points: ids.map((id) => ({ id, blind: null, sealed: id })),
});

describe('row changes of a stream', () => {
  it('given a row, when it is inserted again or changed by an older event, then it stays', () => {
    const again = insertRow('read.roles', { id: '1', name: 'second', version: 1 });
    expect(rowOf([made, again, updateRow('read.roles', '1', 1, { name: 'third' })])).toEqual({
      id: '1',
      name: 'first',
      version: 1,
    });
  });

  it('given a row, when it is changed, then the given columns and the version are new', () => {
    expect(rowOf([made, updateRow('read.roles', '1', 3, { name: 'later' })])).toEqual({ id: '1', name: 'later', version: 3 });
  });

  it('given a row that was looked at, when it is changed, then what was seen and what the change held stay as they were', () => {
    const fold = new RowFold();
    fold.apply(made);
    const seen = fold.row('read.roles', '1');
    fold.apply(updateRow('read.roles', '1', 3, { name: 'later' }));
    expect([seen, made]).toMatchObject([{ name: 'first', version: 1 }, { row: { name: 'first', version: 1 } }]);
    expect(fold.row('read.roles', '1')).toMatchObject({ name: 'later' });
  });

  it('given no row, when it is changed, then there is none; when it was removed, it is remembered as gone', () => {
    const none = foldChanges('role-1', [updateRow('read.roles', '1', 2, { name: 'x' })]);
    expect(none.rows.get('read.roles')?.size).toBe(0);
    expect(none.gone.get('read.roles')).toEqual(new Set(['1']));
    const { rows, gone } = foldChanges('role-1', [made, removeRow('read.roles', '1')]);
    expect(rows.get('read.roles')?.size).toBe(0);
    expect(gone.get('read.roles')).toEqual(new Set(['1']));
  });

  it('merges members into a jsonb column', () => {
    const form = insertRow('read.forms', { id: '1', settings: '{"a":1,"b":2}', version: 1 });
    const merge: RowChange = {
      kind: 'update',
      table: 'read.forms',
      key: '1',
      version: 2,
      set: {},
      merge: { settings: { b: 3 } },
    };
    const row = foldChanges('form-1', [form, merge]).rows.get('read.forms')?.get('1');
    expect(JSON.parse(String(row?.['settings']))).toEqual({ a: 1, b: 3 });
  });

  it('starts the settings from the row that stands before the first event', () => {
    const { rows } = foldChanges('security-settings-1', [updateRow('read.security', true, 1, { settings: '{}' })]);
    expect(rows.get('read.security')?.get(true)).toMatchObject({ settings: '{}', authz_version: 1, version: 1 });
    const others = foldChanges('security-settings-2', [updateRow('read.security', true, 1, {})]).rows;
    expect(others.get('read.security')?.get(true)).not.toMatchObject({ settings: '{}' });
  });

  it('keeps the last list of points, counts raised rights and collects destroyed keys', () => {
    const destroy: RowChange = { kind: 'destroy-key', owner: 'contact-r' };
    const folded = foldChanges('contact-r', [
      points(['a', 'b'], true),
      points(['b', 'c'], false),
      destroy,
      RAISE_AUTHZ,
      RAISE_AUTHZ,
    ]);
    expect(folded.points.map(({ id }) => id)).toEqual(['b', 'c']);
    expect([folded.pointRecords, folded.destroyedKeys, folded.raises]).toEqual([new Set(['r']), ['contact-r'], 2]);
    expect(foldChanges('contact-r', [points(['a'], true), points([], false)]).points).toEqual([]);
  });
});
