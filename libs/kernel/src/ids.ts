const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** True for a UUID in the canonical lower-case form of RFC 9562, versions 1 to 8. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/**
 * The UUIDv8 made of 16 bytes of a digest (RFC 9562 section 5.8): version and variant bits set, the rest kept.
 * Throws a RangeError on fewer than 16 bytes.
 */
export function uuidFromDigest(digest: Uint8Array): string {
  if (digest.length < 16) throw new RangeError('a UUID needs 16 bytes');
  const bytes = Array.from(digest.subarray(0, 16));
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The least UUIDv7 (RFC 9562 section 5.7) of a millisecond since 1970: a bound for reading a table by the time in its ids. */
export function earliestIdOf(milliseconds: number): string {
  const hex = Math.max(0, Math.floor(milliseconds)).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7000-8000-000000000000`;
}

/** True for a UUID that was made of something (version 8), so that the same again gives the same; fresh ones are of version 7. */
export function isDerivedUuid(id: string): boolean {
  return id[14] === '8';
}
