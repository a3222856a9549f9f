import { parseAddress } from './address.js';
import { parseRange, rangeHolds, type AddressRange } from './address-range.js';

const REMEMBERED_MAX = 10_000;

/** A compiled list of entries. An entry that cannot be read admits nobody; an empty list admits nobody. */
export class AddressList {
  readonly #ranges: readonly AddressRange[];
  readonly #remembered = new Map<string, boolean>();

  constructor(entries: readonly string[]) {
    this.#ranges = entries.map(parseRange).filter((range) => range !== null);
  }

  /** Whether a range of the list holds the address; never for what is no address. */
  holds(ip: string): boolean {
    const known = this.#remembered.get(ip);
    if (known !== undefined) return known;
    const address = parseAddress(ip);
    const held = address !== null && this.#ranges.some((range) => rangeHolds(range, address));
    if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.clear();
    this.#remembered.set(ip, held);
    return held;
  }
}
