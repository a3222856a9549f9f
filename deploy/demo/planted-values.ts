const WINDOW = 10;
/** What people put between the digits of a number. */
const BETWEEN_DIGITS = /[\s().+_\u00a0\u2010-\u2015-]/g;
/** Bounded as RFC 5321 bounds them, so that a long text without spaces is searched in linear time. */
const EMAIL = /[^\s"'\\<>(){},;:@]{1,64}@[^\s"'\\<>(){},;:@]{1,255}/g;

/** The numbers and addresses of this run, to look for where they must not be. Found in any spelling of the digits. */
export class PlantedValues {
  /** The last ten digits: country code or trunk prefix make no difference. */
  readonly #numbers = new Set<string>();
  readonly #emails = new Set<string>();

  get size(): number {
    return this.#numbers.size + this.#emails.size;
  }

  /** Numbers of fewer than ten digits are left out: ids and times hold such runs by chance. */
  addNumber(number: string): void {
    const digits = number.replace(/\D/g, '');
    if (digits.length >= WINDOW) this.#numbers.add(digits.slice(-WINDOW));
  }

  addEmail(address: string): void {
    this.#emails.add(address.toLowerCase());
  }

  /** How many places of the text hold one. */
  countIn(text: string): number {
    let found = 0;
    for (const [digits] of text.replace(BETWEEN_DIGITS, '').matchAll(/\d{10,}/g)) {
      for (let start = 0; start + WINDOW <= digits.length; start += 1) {
        if (this.#numbers.has(digits.slice(start, start + WINDOW))) found += 1;
      }
    }
    for (const [address] of text.matchAll(EMAIL)) if (this.#emails.has(address.toLowerCase())) found += 1;
    return found;
  }
}
