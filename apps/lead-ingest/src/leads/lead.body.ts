import { Busboy } from '@fastify/busboy';
import { DomainError, refuse } from '#kernel';
import { parseJsonBody } from '#platform';

/** Parts of a multipart body at most: more than a lead may have keys. */
const MAX_PARTS = 300;
const MAX_PART_HEADER_BYTES = 2_048;
/** What a decoder puts in place of bytes that are no text. */
const REPLACEMENT = '\ufffd';
const REPLACEMENT_BYTES = Buffer.from(REPLACEMENT);
const REPLACEMENT_ESCAPED = /%ef%bf%bd/i;

/** A body as it was read. `flat`: named texts, as HTML forms send them; otherwise what JSON said. */
export type ReadBody =
  { readonly kind: 'json'; readonly value: unknown } | { readonly kind: 'flat'; readonly fields: ReadonlyMap<string, string> };

/**
 * Reads a body by its media type: JSON, `application/x-www-form-urlencoded` or `multipart/form-data`, all in UTF-8. A name that comes several times, as of a group of check boxes, has its texts joined by
 * commas. Throws DomainError `unsupported-media-type`, `malformed-body` or `validation-failed` (a file), and quotes nothing.
 */
export async function readBody(body: Buffer | undefined, contentType: string | undefined): Promise<ReadBody> {
  switch (mediaType(contentType)) {
    case 'application/x-www-form-urlencoded':
      if (!isUtf8(contentType)) refuse('unsupported-media-type', 'the body must be UTF-8');
      return { kind: 'flat', fields: joined(urlencoded(present(body))) };
    case 'multipart/form-data':
      return { kind: 'flat', fields: joined(await multipart(present(body), contentType ?? '')) };
    case 'application/json':
      return { kind: 'json', value: parseJsonBody(body, contentType) };
    default:
      return refuse('unsupported-media-type', 'send JSON or a form');
  }
}

function mediaType(contentType: string | undefined): string {
  return (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** The charset parameter says UTF-8, or there is none (WHATWG URL, "application/x-www-form-urlencoded parsing"). */
function isUtf8(contentType: string | undefined): boolean {
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(contentType ?? '')?.[1];
  return charset === undefined || /^utf-?8$/i.test(charset);
}

function present(body: Buffer | undefined): Buffer {
  return body === undefined || body.length === 0 ? refuse('malformed-body', 'the body is empty') : body;
}

/** By the platform's own parser, which puts U+FFFD for what is no UTF-8: then the body did not say it itself. */
function urlencoded(body: Buffer): readonly (readonly [string, string])[] {
  const text = body.toString('latin1');
  const pairs = [...new URLSearchParams(body.toString('utf8'))];
  const isSent = body.includes(REPLACEMENT_BYTES) || REPLACEMENT_ESCAPED.test(text);
  if (!isSent && pairs.some(([name, value]) => name.includes(REPLACEMENT) || value.includes(REPLACEMENT))) refuseBytes();
  return pairs;
}

function multipart(body: Buffer, contentType: string): Promise<readonly (readonly [string, string])[]> {
  return new Promise((resolve, reject) => {
    const pairs: [string, string][] = [];
    const fail = (error: DomainError): void => reject(error);
    const parser = openParser(body, contentType);
    parser.on('field', (name, value, isNameCut, isValueCut) => {
      if (isNameCut || isValueCut) fail(malformed());
      pairs.push([name, value]);
    });
    // An empty choice of a file is sent as a file without a name and without bytes.
    parser.on('file', (_name, stream, filename) => {
      stream.on('data', () => fail(fileRefused()));
      stream.on('error', () => fail(malformed()));
      if (filename !== undefined && filename !== '') fail(fileRefused());
    });
    parser.on('fieldsLimit', () => fail(tooMany()));
    parser.on('error', () => fail(malformed()));
    parser.on('finish', () => {
      const isBroken = pairs.some(([name, value]) => name.includes(REPLACEMENT) || value.includes(REPLACEMENT));
      if (isBroken && !body.includes(REPLACEMENT_BYTES)) fail(malformed());
      resolve(pairs);
    });
    parser.end(body);
  });
}

/** What may separate parts (RFC 2046, section 5.1.1), quoted or not. */
const BOUNDARY = /;\s*boundary=(?:"([\w'()+,./:=? -]{0,69}[\w'()+,./:=?-])"|([\w'+.-]{1,70}))\s*(?:;|$)/i;

/** The parser takes a stream for each part before it counts them, so too many are refused by their separators, unparsed. */
function openParser(body: Buffer, contentType: string): InstanceType<typeof Busboy> {
  const [, quoted, plain] = BOUNDARY.exec(contentType) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) throw malformed();
  const separator = `--${boundary}`;
  let found = 0;
  for (let at = body.indexOf(separator); at >= 0; at = body.indexOf(separator, at + separator.length)) {
    found += 1;
    if (found > MAX_PARTS + 1) throw tooMany();
  }
  const limits = { fields: MAX_PARTS, headerSize: MAX_PART_HEADER_BYTES, headerPairs: 16, fieldNameSize: 1_024 };
  return new Busboy({ headers: { 'content-type': `multipart/form-data; boundary="${boundary}"` }, limits });
}

function joined(pairs: readonly (readonly [string, string])[]): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const [name, value] of pairs) {
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return fields;
}

function refuseBytes(): never {
  throw new DomainError('malformed-body', { detail: 'the body is not UTF-8' });
}

function malformed(): DomainError {
  return new DomainError('malformed-body', { detail: 'the body is no well-formed form' });
}

function fileRefused(): DomainError {
  return new DomainError('validation-failed', { errors: [{ path: '', code: 'file', message: 'Send fields only, no files.' }] });
}

function tooMany(): DomainError {
  const message = `Send at most ${MAX_PARTS} fields.`;
  return new DomainError('validation-failed', { errors: [{ path: '', code: 'too-many-keys', message }] });
}
