import { DomainError, refuse } from '#kernel';

const DEEPEST = 32;
/** `fatal` refuses bytes that are not UTF-8 instead of replacing them. */
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Parses a request body as JSON (RFC 8259, UTF-8 only). Throws DomainError `unsupported-media-type` when the content type is not
 * `application/json`, `malformed-body` when it is no JSON text, deeper than 32 or has a `__proto__` key. Quotes nothing of it.
 */
export function parseJsonBody(body: Buffer | undefined, contentType: string | undefined): unknown {
  if (!isJson(contentType)) refuse('unsupported-media-type', 'the body must be application/json');
  if (body === undefined || body.length === 0) refuse('malformed-body', 'the body is empty');
  const value = parse(body);
  if (!isAcceptable(value, 1)) refuse('malformed-body', 'the body is too deep or has a forbidden key');
  return value;
}

/**
 * The value itself. Throws `validation-failed` with the places of texts (and of objects with names) that hold a NUL, which PostgreSQL keeps in no
 * text and no JSON, or half a surrogate pair, which is no character: PostgreSQL refuses it in JSON, and UTF-8 makes another one of it.
 */
export function storable(value: unknown): unknown {
  const errors = unstorableIn(value, []).map((path) => ({
    ...{ path, code: 'invalid-format', message: 'A text cannot hold the character U+0000, nor half a surrogate pair.' },
  }));
  if (errors.length > 0) throw new DomainError('validation-failed', { errors });
  return value;
}

const MOST_ERRORS = 100;

/** `parseJsonBody` bounds the depth. */
function unstorableIn(value: unknown, path: readonly string[]): string[] {
  if (typeof value === 'string') return isStorable(value) ? [] : [path.join('.')];
  if (typeof value !== 'object' || value === null) return [];
  const found: string[] = [];
  for (const [key, part] of Object.entries(value)) {
    if (found.length >= MOST_ERRORS) break;
    if (!isStorable(key)) found.push(path.join('.'));
    found.push(...unstorableIn(part, [...path, plainKey(key)]));
  }
  return found;
}

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/** A name of the client's own could hold anything: what is no plain one is not repeated. */
function plainKey(key: string): string {
  return /^[A-Za-z0-9_-]{1,40}$/.test(key) ? key : '*';
}

/** `application/json`, with the charset parameter UTF-8 at most (RFC 9110, section 8.3.1). */
function isJson(contentType: string | undefined): boolean {
  const [type = '', ...parameters] = (contentType ?? '').split(';').map((part) => part.trim().toLowerCase());
  return (
    type === 'application/json' && parameters.every((parameter) => parameter === '' || /^charset="?utf-8"?$/.test(parameter))
  );
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(UTF8.decode(body));
  } catch {
    return refuse('malformed-body', 'the body is not JSON'); // The parser's own error quotes its input.
  }
}

function isAcceptable(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (depth > DEEPEST) return false;
  if (Object.hasOwn(value, '__proto__')) return false;
  return Object.values(value).every((part) => isAcceptable(part, depth + 1));
}
