import type { LiveToken } from './live-tokens.js';
import type { Who } from './request-context.js';
import type { ShownToken } from './token.js';

/** What a statement has to hold against the session itself before anything else in it counts. */
export interface PresumedSession {
  readonly hash: Buffer;
  /** The version of rights by which the person was judged. */
  readonly authzVersion: number;
  /** A role of his requires a second factor: it must be in force still. */
  readonly needsSecondFactor: boolean;
}

/** Who asks, if his session is what it last was. Valid in the answer of a statement that looked at the session itself, and nowhere else. */
export interface Presumption {
  readonly who: Who;
  readonly session: PresumedSession;
}

const REMEMBERED_MAX = 10_000;

/**
 * Sessions as they were when a request of theirs was last let in. Their id, owner and epoch never change; whether they live and what their
 * owner may is what only the database knows, so nothing here lets anybody in.
 */
export class PresumedSessions {
  readonly #known = new Map<string, LiveToken>();

  get({ kind, hash }: ShownToken): LiveToken | undefined {
    return kind === 'session' ? this.#known.get(keyOf(hash)) : undefined;
  }

  keep({ kind, hash }: ShownToken, token: LiveToken): void {
    if (kind !== 'session') return;
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear();
    this.#known.set(keyOf(hash), token);
  }

  drop({ hash }: ShownToken): void {
    this.#known.delete(keyOf(hash));
  }
}

function keyOf(hash: Buffer): string {
  return hash.toString('latin1');
}
