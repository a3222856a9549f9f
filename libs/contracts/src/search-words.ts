/** A run of letters, marks and digits that begins with a letter or a digit; everything else separates words. */
const WORD = /[\p{L}\p{N}][\p{L}\p{M}\p{N}]*/gu;
/** Longer words are cut, on both sides alike: a lexeme of PostgreSQL has at most 2,046 bytes. Code points. */
const LONGEST_WORD = 255;

/**
 * The words of a text as search compares them: each once, in their order, without case (Unicode, all scripts), compatibility forms
 * as their plain ones (NFKC), ё as е. What is stored and what is asked for both come through here, so they cannot differ;
 * PostgreSQL's own parser, which makes hosts, paths and numbers of some texts, sees neither.
 */
export function searchWords(text: string): readonly string[] {
  const words =
    (PLAIN.test(text) ? text.toLowerCase().replaceAll('ё', 'е').match(PLAIN_WORD) : foldedForms(text).match(WORD)) ?? [];
  return [...new Set(words.map((word) => (word.length > LONGEST_WORD ? [...word].slice(0, LONGEST_WORD).join('') : word)))];
}

/** ASCII and Russian letters have one form each, and one lower case: for them the long way comes to the same. */
const PLAIN = /^[\x20-\x7EА-яЁё]*$/;
/** A word of such a text, in lower case and without ё. */
const PLAIN_WORD = /[a-z0-9а-я]+/g;

function foldedForms(text: string): string {
  // Through upper case, and that from lower case (ẞ has an upper case of its own): letters that have no single lower form (ß, ﬃ, final
  // sigma) come out alike however they were written.
  return text
    .normalize('NFKC')
    .toLowerCase()
    .toUpperCase()
    .toLowerCase()
    .normalize('NFKC')
    .replaceAll('ё', 'е')
    .replaceAll('ς', 'σ');
}

/** The column `search` of a record: its words as text of a `tsvector`. Words hold nothing that would need escaping. */
export function searchVector(text: string): string {
  return searchWords(text)
    .map((word) => `'${word}'`)
    .join(' ');
}

/**
 * Text of a `tsquery`: every word is the beginning of some word of the record. A word that another one begins with asks nothing
 * more. Without a word there is nothing to ask for.
 */
export function searchQuery(words: readonly string[]): string {
  const asking = words.filter((word) => !words.some((other) => other !== word && other.startsWith(word)));
  return asking.map((word) => `'${word}':*`).join(' & ');
}
