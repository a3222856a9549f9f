/** Longer texts have memory of their own. */
const SCRATCH_BYTES = 4 * 1024;

/**
 * Memory in which short texts become bytes, one after another: what takes the bytes copies them before the next text comes. A value
 * that is opened needs five views of bytes, which live for a microsecond each; made anew every time they take a sixth of its time.
 * Holds what is sealed and where it belongs, never clear text or a key.
 */
export class Scratch {
  readonly #bytes = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  /** By first byte and end: lengths are few, sealed values come in blocks and places are names of like length. */
  readonly #views = new Map<number, Buffer>();

  /** The bytes of the text, until the next one is written; undefined when it may be too long for this memory. */
  write(text: string, encoding: 'base64url' | 'utf8'): number | undefined {
    const most = encoding === 'utf8' ? text.length * 3 : text.length;
    return most > SCRATCH_BYTES ? undefined : this.#bytes.write(text, 0, encoding);
  }

  /** The bytes themselves, until the next ones are written; false when they are too long for this memory. */
  copy(bytes: Uint8Array): boolean {
    if (bytes.length > SCRATCH_BYTES) return false;
    this.#bytes.set(bytes);
    return true;
  }

  /** A part of what was written last. */
  view(start: number, end: number): Buffer {
    const place = start * (SCRATCH_BYTES + 1) + end;
    let view = this.#views.get(place);
    if (view === undefined) this.#views.set(place, (view = this.#bytes.subarray(start, end)));
    return view;
  }
}
