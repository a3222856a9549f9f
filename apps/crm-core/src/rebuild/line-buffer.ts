/** Bytes of a piece; a longer line has one of its own. */
const PIECE_BYTES = 64 * 1024;
/** UTF-8 takes at most three bytes for a unit of UTF-16. */
const BYTES_A_UNIT = 3;

/**
 * Lines that wait to be written, as bytes. As one growing string they would be a tree of a hundred thousand parts, which the garbage
 * collector copies again and again until it is written.
 */
export class LineBuffer {
  readonly #full: Buffer[] = [];
  #piece = Buffer.alloc(0);
  #used = 0;
  #bytes = 0;

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  add(line: string): void {
    const most = line.length * BYTES_A_UNIT;
    if (this.#piece.length - this.#used < most) {
      this.#end();
      this.#piece = Buffer.allocUnsafeSlow(Math.max(PIECE_BYTES, most));
    }
    const written = this.#piece.write(line, this.#used, 'utf8');
    this.#used += written;
    this.#bytes += written;
  }

  /** All of it, in order; the buffer is used up. */
  pieces(): readonly Buffer[] {
    this.#end();
    return this.#full;
  }

  #end(): void {
    if (this.#used > 0) this.#full.push(this.#piece.subarray(0, this.#used));
    this.#piece = Buffer.alloc(0);
    this.#used = 0;
  }
}
