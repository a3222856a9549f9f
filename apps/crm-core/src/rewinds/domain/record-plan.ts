import type { ChangeKind } from '#contracts';
import { touchesAll, type TouchKind } from './touched-fields.js';

/** One event of a record as a plan sees it: who, when, and which fields; no values. */
export interface Touch {
  /** Place in the log. */
  readonly seq: number;
  readonly version: number;
  readonly kind: TouchKind;
  readonly actorId: string | null;
  /** ISO 8601 UTC with milliseconds, so that texts compare as times do. */
  readonly at: string;
  readonly causationId: string | null;
  readonly fields: readonly string[];
}

/** Whose events are undone, and of which time; both ends belong to it. */
export interface RewindScope {
  readonly rewindId: string;
  readonly userId: string;
  readonly since: string;
  readonly until: string;
}

/** A field and the version whose event gave the value it gets back; null: the record was not there yet. */
export interface PutBack {
  readonly field: string;
  readonly version: number | null;
}

export interface PlannedChange {
  readonly seq: number;
  readonly version: number;
  readonly kind: ChangeKind;
  readonly fields: readonly string[];
}

export interface PlannedConflict extends PlannedChange {
  readonly field: string;
  readonly changedBy: string | null;
  readonly reason: 'changed-later' | 'erased';
}

export interface RecordPlan {
  readonly putBack: readonly PutBack[];
  readonly changes: readonly PlannedChange[];
  readonly conflicts: readonly PlannedConflict[];
  /** The record was there before the rewind and is not after it. */
  readonly hides: boolean;
}

/** A touch that can be undone: everything but an erasing. */
type Undone = Touch & { readonly kind: ChangeKind };

/**
 * What a rewind does to one record, from all its touches, oldest first. A field whose last touch is in the scope gets the value of
 * the last touch outside it; one that was touched after stays and is a conflict. A creation is undone when nobody else touched the
 * record after it. Otherwise the record stays, and with it the values it began with.
 */
export function planRecord(touches: readonly Touch[], scope: RewindScope): RecordPlan {
  const undone = touches.filter((touch): touch is Undone => isUndone(touch, scope));
  const [creation] = undone;
  if (creation?.kind !== 'created') return planFields(touches, undone, []);
  const after = touches.filter((touch) => touch.version > creation.version && !isUndone(touch, scope));
  const cause = after.find(({ kind }) => kind === 'erased') ?? after.at(-1);
  if (cause !== undefined) return planFields(touches, undone.slice(1), [conflictOf(creation, 'deleted', cause)]);
  return {
    putBack: [{ field: 'deleted', version: null }],
    changes: undone.map((touch) => changeOf(touch, touch.fields)),
    conflicts: [],
    // Who made it may have deleted it too.
    hides: undone.findLast(({ fields }) => fields.includes('deleted'))?.kind !== 'deleted',
  };
}

/** The rewind's own events are none of those it undoes: its plan may be made anew while it runs. */
function isUndone({ kind, actorId, at, causationId }: Touch, { rewindId, userId, since, until }: RewindScope): boolean {
  return kind !== 'erased' && actorId === userId && since <= at && at <= until && causationId !== rewindId;
}

function planFields(touches: readonly Touch[], undone: readonly Undone[], conflicts: readonly PlannedConflict[]): RecordPlan {
  const isIn = new Set<Touch>(undone);
  const putBack: PutBack[] = [];
  const found = [...conflicts];
  let hides = false;
  for (const field of new Set(undone.flatMap(({ fields }) => fields))) {
    const touching = touches.filter((touch) => touchesAll(touch.kind) || touch.fields.includes(field));
    const last = touching.at(-1);
    const base = touching.findLast((touch) => !isIn.has(touch));
    const lastUndone = undone.findLast(({ fields }) => fields.includes(field));
    if (last === undefined || base === undefined || lastUndone === undefined) continue;
    if (base === last || base.kind === 'erased') found.push(conflictOf(lastUndone, field, base));
    else {
      putBack.push({ field, version: base.version });
      hides ||= field === 'deleted' && base.kind === 'deleted' && lastUndone.kind === 'restored';
    }
  }
  const fieldsBack = new Set(putBack.map(({ field }) => field));
  const changes = undone
    .map((touch) =>
      changeOf(
        touch,
        touch.fields.filter((field) => fieldsBack.has(field)),
      ),
    )
    .filter(({ fields }) => fields.length > 0);
  return { putBack, changes, conflicts: found, hides };
}

function changeOf({ seq, version, kind }: Undone, fields: readonly string[]): PlannedChange {
  return { seq, version, kind, fields };
}

function conflictOf(touch: Undone, field: string, cause: Touch): PlannedConflict {
  const reason = cause.kind === 'erased' ? 'erased' : 'changed-later';
  return { ...changeOf(touch, touch.fields), field, changedBy: cause.actorId, reason };
}
