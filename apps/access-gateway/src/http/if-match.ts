import { DomainError } from '#kernel';

const ETAG = /^"(0|[1-9][0-9]{0,8})"$/;

/**
 * The version that If-Match names; undefined without the header or with `*` (any version). Throws `malformed-request` on
 * anything but one strong tag as the API makes them.
 */
export function parseIfMatch(header: string | undefined): number | undefined {
  const tag = header?.trim();
  if (tag === undefined || tag === '*') return undefined;
  const version = ETAG.exec(tag)?.[1];
  if (version === undefined) {
    throw new DomainError('malformed-request', { detail: 'If-Match takes one tag as ETag gave it, in double quotes.' });
  }
  return Number(version);
}

/** The strong entity tag of a version. */
export function etagOf(version: number): string {
  return `"${version}"`;
}
