import type { FieldError } from '#kernel';
import { longerThan, storable } from './lead.text.js';

/** Limits (docs/intake.md, "Bodies"): keys of one lead, characters of a key, characters of a value. */
export const MAX_ATTRIBUTION_KEYS = 100;
export const MAX_KEY_CHARACTERS = 64;
export const MAX_VALUE_CHARACTERS = 1_024;

/** Unknown fields live under this prefix, so that none can pass for an attribution of ours or touch a prototype. */
const CUSTOM = 'custom.';
const FLAT_NAMES: ReadonlySet<string> = new Set(['gclid', 'yclid', 'fbclid', '_ym_uid', 'roistat']);
const FLAT_BRACKETS = /^attribution\[([^\]]*)\]$/;

/** Whether a name is a mark of a campaign, wherever it stands. */
export const isMark = (name: string): boolean => name.startsWith('utm_') || FLAT_NAMES.has(name);

/** Collects where a lead came from, within the limits. Errors name positions, never a key or a value: either may hold a person's. */
export class AttributionDraft {
  readonly #entries = new Map<string, string>();
  #overflown = false;

  constructor(private readonly errors: FieldError[]) {}

  /** A top-level field that is not the lead's own: a known mark of a campaign, or `custom`. */
  addFlat(name: string, value: unknown): void {
    const bracketed = FLAT_BRACKETS.exec(name)?.[1];
    if (bracketed !== undefined) this.#addMark(bracketed, value);
    else if (isMark(name)) this.#addMark(name, value);
    else this.#add(CUSTOM, name, value);
  }

  /** The field `attribution`. Its own `custom` may be an object, as the answers of the API show it. */
  addNested(nested: unknown): void {
    if (typeof nested !== 'object' || nested === null || Array.isArray(nested)) {
      this.#refuse('not-an-object', 'Send an object of strings.');
      return;
    }
    for (const [name, value] of Object.entries(nested)) {
      if (name === 'custom' && typeof value === 'object' && value !== null && !Array.isArray(value)) {
        for (const [inner, innerValue] of Object.entries(value)) this.#add(CUSTOM, inner, innerValue);
      } else {
        this.#addMark(name, value);
      }
    }
  }

  /** The entries as an object. `fromEntries` defines own properties, so no key reaches a prototype. */
  finish(): Record<string, string> {
    return Object.fromEntries(this.#entries);
  }

  #addMark(name: string, value: unknown): void {
    this.#add(name === '__proto__' ? CUSTOM : '', name, value);
  }

  #add(prefix: string, rawName: string, value: unknown): void {
    if (value === undefined || value === null || this.#overflown) return;
    const name = storable(rawName);
    if (name === '' || longerThan(name, MAX_KEY_CHARACTERS)) {
      this.#refuse('invalid-key', `Entry ${this.#entries.size + 1}: send a key of 1 to ${MAX_KEY_CHARACTERS} characters.`);
      return;
    }
    const text = valueText(value);
    if (text === null || longerThan(text, MAX_VALUE_CHARACTERS)) {
      this.#refuse('too-long', `Entry ${this.#entries.size + 1}: send a value of at most ${MAX_VALUE_CHARACTERS} characters.`);
      return;
    }
    this.#entries.set(prefix + name, text);
    if (this.#entries.size > MAX_ATTRIBUTION_KEYS) {
      this.#overflown = true;
      this.#refuse('too-many-keys', `Send at most ${MAX_ATTRIBUTION_KEYS} keys, unknown fields included.`);
    }
  }

  #refuse(code: string, message: string): void {
    this.errors.push({ path: 'attribution', code, message });
  }
}

/** Strings as they are, anything else as JSON text; null for what is nested too deep to be written as text. */
function valueText(value: unknown): string | null {
  if (typeof value === 'string') return storable(value);
  try {
    return storable(JSON.stringify(value) ?? '');
  } catch {
    return null;
  }
}
