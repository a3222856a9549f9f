import { DateTime, IANAZone, type Zone } from 'luxon';
import type { LimitWindow } from '#contracts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A date is over everywhere in its zone when this has passed since any instant of it; the longest jump of a zone is a day. */
const LONGEST_DAY_MS = 50 * HOUR_MS;
/** Midnight came twice only when the clocks were changed less than this before it. */
const NEAR_MIDNIGHT_MS = 4 * HOUR_MS;

/** The zone of that IANA name. Throws a RangeError for one that is not known. */
export function zoneOf(name: string): Zone {
  const zone = IANAZone.create(name);
  if (!zone.isValid) throw new RangeError('the time zone is not known');
  return zone;
}

/**
 * The first instant (milliseconds since 1970) of the clock hour or the date that holds `at` in a zone.
 *
 * - A date begins with its first instant, also where midnight is skipped, and at the first of two midnights.
 * - A clock hour that comes twice is two windows; where the clocks change within an hour, the window begins with the change.
 */
export function calendarWindowStart(window: LimitWindow, zone: Zone, at: number): number {
  const offset = offsetMs(zone, at);
  const step = window === 'hour' ? HOUR_MS : DAY_MS;
  const first = Math.floor((at + offset) / step) * step - offset;
  const unchanged =
    offsetMs(zone, first) === offset && (window === 'hour' || offsetMs(zone, first - NEAR_MIDNIGHT_MS) === offset);
  if (unchanged) return first;
  const second = Math.floor(at / 1_000) * 1_000;
  if (window === 'hour') return firstWithin(second - HOUR_MS, second, (probe) => offsetMs(zone, probe) === offset);
  const date = dateOf(zone, at);
  return firstWithin(second - LONGEST_DAY_MS, second, (probe) => dateOf(zone, probe) >= date);
}

/** Halves (before, within] to the second: the first instant for which `holds`, given that it does at `within` and not at `before`. */
function firstWithin(before: number, within: number, holds: (probe: number) => boolean): number {
  let [low, high] = [before, within];
  while (high - low > 1_000) {
    const middle = low + Math.floor((high - low) / 2_000) * 1_000;
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}

function offsetMs(zone: Zone, at: number): number {
  return zone.offset(at) * 60_000;
}

/** The local date as a sortable text. */
function dateOf(zone: Zone, at: number): string {
  return DateTime.fromMillis(at, { zone }).toFormat('yyyy-MM-dd');
}
