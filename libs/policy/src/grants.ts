import { DomainError, type FieldError } from '#kernel';

/** The levels of a cell from narrowest to widest; each contains those before it. */
export const LEVELS = ['forbidden', 'responsible', 'group', 'allowed'] as const;
export type Level = (typeof LEVELS)[number];

/** A four-level cell speaks of records; a two-level cell knows only `allowed` and `forbidden`. */
export type CellKind = 'four-level' | 'two-level';

const FOUR = 'four-level';
const TWO = 'two-level';
const ofRecords = {
  view: FOUR,
  create: TWO,
  edit: FOUR,
  delete: FOUR,
  restore: FOUR,
  assign: FOUR,
  export: FOUR,
  call: FOUR,
} as const;
const ofContactPoints = { view: FOUR, reveal: FOUR } as const;
const ofAdministration = { view: TWO, edit: TWO } as const;
const ofReports = { view: TWO } as const;

/** Every subject and its actions. What is not here is unknown: refused in a role, forbidden in a decision. */
const CATALOGUE = {
  contact: ofRecords,
  company: ofRecords,
  deal: { ...ofRecords, move: FOUR },
  phone: ofContactPoints,
  email: ofContactPoints,
  attribution: { view: FOUR },
  settings: ofAdministration,
  users: ofAdministration,
  departments: ofAdministration,
  roles: ofAdministration,
  forms: ofAdministration,
  pipelines: ofAdministration,
  webhooks: ofAdministration,
  audit: ofReports,
  exposure: ofReports,
  monitoring: ofReports,
  leads: { accept: TWO },
  apiTokens: { create: TWO },
  records: { import: TWO, erase: TWO, rewind: TWO },
} as const satisfies Record<string, Record<string, CellKind>>;

type Catalogue = typeof CATALOGUE;
type OfKind<Actions, Kind extends CellKind> = { [A in keyof Actions]: Actions[A] extends Kind ? A : never }[keyof Actions] &
  string;

export type Subject = keyof Catalogue;
export type ActionOf<S extends Subject> = S extends Subject ? keyof Catalogue[S] & string : never;
export type FourLevelActionOf<S extends Subject> = S extends Subject ? OfKind<Catalogue[S], 'four-level'> : never;
export type TwoLevelActionOf<S extends Subject> = S extends Subject ? OfKind<Catalogue[S], 'two-level'> : never;
type LevelOf<Kind> = Kind extends 'two-level' ? 'allowed' | 'forbidden' : Level;

/** What a role says, cell by cell. A cell that is absent is not mentioned: its parent's level, or forbidden. */
export type Grants = { readonly [S in Subject]?: { readonly [A in keyof Catalogue[S]]?: LevelOf<Catalogue[S][A]> } };
/** A level for every cell there is. */
export type RightsMatrix = { readonly [S in Subject]: { readonly [A in keyof Catalogue[S]]: LevelOf<Catalogue[S][A]> } };

export const RECORD_TYPES = ['contact', 'company', 'deal'] as const;
export type RecordType = (typeof RECORD_TYPES)[number];

/** One place of the matrix. `path` is `grants.<subject>.<action>`, as errors name it. */
export interface Cell {
  readonly subject: Subject;
  readonly action: string;
  readonly kind: CellKind;
  readonly path: string;
}

/** Every cell of the catalogue, in its order. */
export const CELLS: readonly Cell[] = Object.entries(CATALOGUE).flatMap(([subject, actions]) =>
  Object.entries(actions).map(([action, kind]) => ({
    subject: subject as Subject,
    action,
    kind,
    path: `grants.${subject}.${action}`,
  })),
);

/** True for a subject of the catalogue; names inherited from Object are none. */
function isSubject(subject: string): subject is Subject {
  return Object.hasOwn(CATALOGUE, subject);
}

/** True for an action that the subject has. */
export function isActionOf<S extends Subject>(subject: S, action: string): action is ActionOf<S> {
  return isSubject(subject) && Object.hasOwn(CATALOGUE[subject], action);
}

/** The wider of two levels. */
export function widest(a: Level, b: Level): Level {
  return LEVELS.indexOf(a) >= LEVELS.indexOf(b) ? a : b;
}

/**
 * What the grants say of a cell; `undefined` where they do not mention it. A level that cannot be read (stored by another
 * release, or damaged) is `forbidden` and not "unmentioned": it must not let a parent's wider level through.
 */
export function levelIn(grants: Grants, cell: Cell): Level | undefined {
  if (!isMap(grants)) return 'forbidden';
  if (!Object.hasOwn(grants, cell.subject)) return undefined;
  const row: unknown = grants[cell.subject];
  if (!isMap(row)) return 'forbidden';
  if (!Object.hasOwn(row, cell.action)) return undefined;
  const level = row[cell.action];
  return isLevel(level) && applies(level, cell.kind) ? level : 'forbidden';
}

/**
 * Reads the grants of a role from outside. Throws `validation-failed` naming every wrong cell by its path, with the codes
 * `unknown-subject`, `unknown-action`, `unknown-level`, `level-not-applicable`, and `invalid-type` where an object is missing.
 */
export function parseGrants(input: unknown): Grants {
  const errors: FieldError[] = [];
  const grants: Record<string, Record<string, Level>> = {};
  if (!isMap(input)) errors.push(notAMap('grants'));
  else {
    for (const [subject, row] of Object.entries(input)) {
      if (!isSubject(subject))
        errors.push(fault(at('grants', subject), 'unknown-subject', 'There is no such subject of rights.'));
      else if (!isMap(row)) errors.push(notAMap(`grants.${subject}`));
      else grants[subject] = parseRow(subject, row, errors);
    }
  }
  if (errors.length > 0) {
    throw new DomainError('validation-failed', { detail: 'The grants are not valid.', errors: errors.slice(0, MOST_ERRORS) });
  }
  return grants as Grants;
}

function parseRow(subject: Subject, row: Record<string, unknown>, errors: FieldError[]): Record<string, Level> {
  const read: Record<string, Level> = {};
  for (const [action, level] of Object.entries(row)) {
    const path = at(`grants.${subject}`, action);
    if (!isActionOf(subject, action)) errors.push(fault(path, 'unknown-action', 'This subject has no such action.'));
    else if (!isLevel(level)) errors.push(fault(path, 'unknown-level', `A level is one of ${LEVELS.join(', ')}.`));
    else if (!applies(level, kindOf(subject, action)))
      errors.push(fault(path, 'level-not-applicable', 'This action is either allowed or forbidden.'));
    else read[action] = level;
  }
  return read;
}

/** One answer need not list more; a body of nothing but wrong keys would otherwise be answered many times its size. */
const MOST_ERRORS = 100;

/** Keys are the caller's words. One that is no plain name is not repeated: it could hold anything, a number of a person too. */
function at(parent: string, key: string): string {
  return /^[A-Za-z_]{1,40}$/.test(key) ? `${parent}.${key}` : parent;
}

function kindOf<S extends Subject>(subject: S, action: ActionOf<S>): CellKind {
  return (CATALOGUE[subject] as Record<string, CellKind>)[action] ?? TWO;
}

function applies(level: Level, kind: CellKind): boolean {
  return kind === FOUR || level === 'allowed' || level === 'forbidden';
}

function isLevel(value: unknown): value is Level {
  return LEVELS.some((level) => level === value);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fault(path: string, code: string, message: string): FieldError {
  return { path, code, message };
}

function notAMap(path: string): FieldError {
  return fault(path, 'invalid-type', 'An object is expected here.');
}
