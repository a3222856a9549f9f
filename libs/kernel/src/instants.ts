const INSTANT = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-](0\d|1[0-5]):[0-5]\d)$/;

/**
 * True for a moment that everything here can take: ISO 8601 with its zone, a day that there is (`Date.parse` takes 30 February for 2 March), in
 * the years 1 to 9999 of UTC, no zone further than PostgreSQL's 15:59.
 */
export function isInstant(text: string): boolean {
  const [, day] = INSTANT.exec(text) ?? [];
  if (day === undefined) return false;
  const ms = Date.parse(text);
  if (Number.isNaN(ms) || !isDay(day)) return false;
  const year = new Date(ms).getUTCFullYear();
  return year >= 1 && year <= 9_999;
}

function isDay(day: string): boolean {
  const ms = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day);
}
