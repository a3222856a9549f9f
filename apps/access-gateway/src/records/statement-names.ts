import { createHash } from 'node:crypto';

const NAMES = new Map<string, string>();
/** Lists have many forms; beyond these no name is kept, and the digest is made each time. */
const MOST_NAMES = 500;

/** The name under which a text is prepared: one for each text, for ever. */
export function statementName(text: string): string {
  const known = NAMES.get(text);
  if (known !== undefined) return known;
  const name = `records-${createHash('sha256').update(text).digest('base64url').slice(0, 16)}`;
  if (NAMES.size < MOST_NAMES) NAMES.set(text, name);
  return name;
}
