import { Secret } from '#kernel';

/**
 * Whether what is given is the same as what is there, as far as its giver can see. A number or an address that he gives counts as
 * another one always, and so does a text with one in it: were it compared, a change without effect would tell him that he has found
 * the hidden one. A text that he sends back as it is shown, masks and all, is the same: nothing of it is lost.
 */
export function isSame(present: unknown, given: unknown): boolean {
  if (present instanceof Secret || given instanceof Secret) {
    if (!(present instanceof Secret && given instanceof Secret) || present.isErased || given.isErased) return false;
    return present === given || isSameContent(present.expose(), given.expose());
  }
  if (!isObject(present) || !isObject(given)) return present === given;
  const [left, right] = [Object.entries(present), Object.entries(given)];
  if (left.length !== right.length || Array.isArray(present) !== Array.isArray(given)) return false;
  return left.every(([key, value]) => Object.hasOwn(given, key) && isSame(value, given[key]));
}

/** Secrets are numbers and addresses (texts alone), texts with their masked form, and values of fields of the company's making. */
function isSameContent(present: unknown, given: unknown): boolean {
  if (!isObject(present) || !isObject(given)) return false;
  if (present['type'] !== given['type'] || given['type'] === 'phone') return false;
  if ('masked' in given) return present['masked'] === (given['text'] ?? given['value']);
  return isSame(present, given);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
