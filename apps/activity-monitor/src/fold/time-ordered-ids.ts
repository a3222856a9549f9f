/** The least UUIDv7 (RFC 9562 section 5.7) of a millisecond since 1970: a bound for reading a table by the time in its ids. */
export function earliestIdOf(milliseconds: number): string {
  const hex = Math.max(0, Math.floor(milliseconds)).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7000-8000-000000000000`;
}
