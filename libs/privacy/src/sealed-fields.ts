import { Secret } from '#kernel';
import { open, seal, type JsonValue } from './sealing.js';

const MARK = '$sealed';

/**
 * The data of an event or message as it is written: every `Secret` becomes `{ $sealed }`, sealed for the place
 * `<placePrefix>|<JSON pointer of the field>`. `undefined` members are left out, as JSON does.
 * Throws a plain Error on a Secret without a key, an erased Secret, a Secret inside a Secret, clear data that looks sealed, and what JSON
 * cannot carry.
 */
export function sealSecrets(data: unknown, key: Buffer | undefined, placePrefix: string): JsonValue {
  return sealAt(data, '', { key, placePrefix });
}

/**
 * The reverse: every `{ $sealed }` becomes a `Secret`, or `Secret.erased()` without a key, for a key that was destroyed.
 * Throws a plain Error when a value does not open: it was changed, moved, or sealed with another key.
 */
export function openSecrets(data: unknown, key: Buffer | undefined, placePrefix: string): unknown {
  return openAt(data, '', { key, placePrefix });
}

interface Sealing {
  readonly key: Buffer | undefined;
  readonly placePrefix: string;
}

function sealAt(value: unknown, path: string, sealing: Sealing): JsonValue {
  if (value instanceof Secret) {
    if (sealing.key === undefined) throw new Error(`no key to seal ${path} with`);
    return { [MARK]: seal(sealing.key, clearJson(value.expose(), path), `${sealing.placePrefix}|${path}`) };
  }
  return mapJson(value, path, (child, childPath) => sealAt(child, childPath, sealing));
}

/** What stands inside a Secret, checked: a Secret in there would turn into its placeholder and be lost without a word. */
function clearJson(value: unknown, path: string): JsonValue {
  if (value instanceof Secret) throw new Error(`a secret inside a secret at ${path}`);
  return mapJson(value, path, clearJson);
}

/** What holds nothing sealed is returned as it is. */
function openAt(value: unknown, path: string, sealing: Sealing): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const sealed = (value as Record<string, unknown>)[MARK];
  if (typeof sealed === 'string' && !Array.isArray(value)) {
    if (sealing.key === undefined) return Secret.erased();
    return new Secret(open(sealing.key, sealed, `${sealing.placePrefix}|${path}`));
  }
  let opened: Record<string, unknown> | undefined;
  for (const name of Object.keys(value)) {
    const child = (value as Record<string, unknown>)[name];
    if (typeof child !== 'object' || child === null) continue;
    const openedChild = openAt(child, pointer(path, name), sealing);
    if (openedChild === child) continue;
    opened ??= (Array.isArray(value) ? value.slice() : { ...value }) as Record<string, unknown>;
    opened[name] = openedChild;
  }
  return opened ?? value;
}

function mapJson(value: unknown, path: string, map: (child: unknown, path: string) => JsonValue): JsonValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (Array.isArray(value)) return value.map((item, index) => map(item, `${path}/${index}`));
  if (!isPlainObject(value)) throw new Error(`JSON cannot carry what stands at ${path}`);
  if (Object.hasOwn(value, MARK)) throw new Error(`clear data at ${path} looks sealed`);
  const entries = Object.entries(value).filter(([, child]) => child !== undefined);
  return Object.fromEntries(entries.map(([name, child]) => [name, map(child, pointer(path, name))]));
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** RFC 6901, so that no two fields share a path. */
function pointer(path: string, name: string): string {
  const escaped = /[~/]/.test(name) ? name.replaceAll('~', '~0').replaceAll('/', '~1') : name;
  return `${path}/${escaped}`;
}
