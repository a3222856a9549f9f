/** Unicode NFC; what no store takes (lone surrogates, NUL) becomes U+FFFD, so that one odd character costs no lead. */
export function storable(text: string): string {
  return text.toWellFormed().normalize('NFC').replaceAll('\u0000', '\ufffd');
}

/** Whether a text has more than `limit` characters (code points). */
export function longerThan(text: string, limit: number): boolean {
  return text.length > limit && Array.from(text).length > limit;
}
