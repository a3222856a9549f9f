import { longerThan, storable } from '../lead.text.js';
import { MAX_ATTRIBUTION_KEYS, MAX_KEY_CHARACTERS, MAX_VALUE_CHARACTERS } from '../lead.attribution.js';
import type { ReadBody } from '../lead.body.js';

/** A text of a body with the way to it: `fields[PHONE][0][VALUE]` of a form and `{fields: {PHONE: [{VALUE}]}}` are the same. */
export interface NamedValue {
  readonly path: readonly string[];
  readonly text: string;
}

/** More than a body of 64 KB can sensibly name; what is behind is passed over. */
const MAX_VALUES = 1_000;

/** Every text of a body, in its order; numbers and booleans as text, nothing for null. */
export function namedValues(body: ReadBody): readonly NamedValue[] {
  const values: NamedValue[] = [];
  if (body.kind === 'flat') {
    for (const [name, text] of body.fields) if (values.length < MAX_VALUES) values.push({ path: pathOf(name), text });
  } else {
    collect(body.value, [], values);
  }
  return values;
}

/** `a[b][c]` → a, b, c; what has no such shape is one name. */
function pathOf(name: string): readonly string[] {
  const [, head, rest] = /^([^[\]]+)((?:\[[^[\]]*\])+)$/.exec(name) ?? [];
  if (head === undefined || rest === undefined) return [name];
  return [head, ...rest.slice(1, -1).split('][')];
}

/** JSON of a body is no deeper than 32 (`parseJsonBody`). */
function collect(value: unknown, path: readonly string[], into: NamedValue[]): void {
  if (into.length >= MAX_VALUES || value === null || value === undefined) return;
  if (typeof value === 'object') {
    for (const [name, part] of Object.entries(value)) collect(part, [...path, name], into);
  } else {
    into.push({ path, text: String(value) });
  }
}

/** What a source says, as the body of a lead: `leadOf` reads it like any other. */
export class LeadBody {
  readonly #texts = new Map<string, string>();
  readonly #marks = new Map<string, string>();
  readonly #custom = new Map<string, string>();

  /** The first text of a field counts, blank ones not; false where there is one already. */
  give(field: keyof typeof LONGEST, text: string): boolean {
    const trimmed = cut(text.trim(), LONGEST[field]);
    if (trimmed === '') return true;
    if (this.#texts.has(field)) return false;
    this.#texts.set(field, trimmed);
    return true;
  }

  /** A mark of where the lead came from. */
  mark(name: string, text: string): void {
    this.#put(this.#marks, name, text);
  }

  /** Anything else that the source says: kept among the attribution, where it sets nothing. */
  keep(path: readonly string[], text: string): void {
    this.#put(this.#custom, path.join('.'), text);
  }

  /** A consent given by a check box: the id of the text, agreed to at this time. */
  consent(textId: string, givenAt: string): void {
    this.#consent = { textId, givenAt };
  }
  #consent: { readonly textId: string; readonly givenAt: string } | undefined;

  finish(): Record<string, unknown> {
    const custom = Object.fromEntries(this.#custom);
    return {
      ...Object.fromEntries(this.#texts),
      attribution: { ...Object.fromEntries(this.#marks), ...(this.#custom.size === 0 ? {} : { custom }) },
      ...(this.#consent === undefined ? {} : { consent: this.#consent }),
    };
  }

  /** A source cannot be told to send less: what is too long is cut, what is too much left out, and the lead taken. */
  #put(map: Map<string, string>, name: string, text: string): void {
    if (text.trim() === '' || this.#marks.size + this.#custom.size >= MAX_ATTRIBUTION_KEYS) return;
    const key = cut(name, MAX_KEY_CHARACTERS);
    if (key !== '' && key !== '__proto__') map.set(key, cut(text, MAX_VALUE_CHARACTERS));
  }
}

/** The limits of a lead's own fields, as `leadOf` has them. */
const LONGEST = { name: 200, phone: 100, email: 320, company: 200, title: 200, message: 10_000, submissionId: 255 } as const;

function cut(text: string, limit: number): string {
  const kept = storable(text);
  return longerThan(kept, limit) ? Array.from(kept).slice(0, limit).join('') : kept;
}
