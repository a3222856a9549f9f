/** Calendar windows one after another, by the instants (UTC) at which each begins; the last begins the one behind them. */
export interface WindowChain {
  readonly what: string;
  readonly zone: string;
  readonly window: 'hour' | 'day';
  readonly starts: readonly string[];
}

/**
 * The special days of each zone with the days beside them, and the hours about a change of clocks. Worked out by hand from the rules in
 * the source files of the tz database (africa, asia, europe, northamerica, southamerica), not by any library: local midnight, or the first
 * instant of the date, less the offset in force then.
 */
export const WINDOW_CHAINS: readonly WindowChain[] = [
  {
    what: 'Moscow 2011: 23 hours on 27 March, to UTC+4 for good',
    zone: 'Europe/Moscow',
    window: 'day',
    starts: ['2011-03-25T21:00:00Z', '2011-03-26T21:00:00Z', '2011-03-27T20:00:00Z', '2011-03-28T20:00:00Z'],
  },
  {
    what: 'Moscow 2014: 25 hours on 26 October, to UTC+3 for good',
    zone: 'Europe/Moscow',
    window: 'day',
    starts: ['2014-10-24T20:00:00Z', '2014-10-25T20:00:00Z', '2014-10-26T21:00:00Z', '2014-10-27T21:00:00Z'],
  },
  {
    what: 'New York 2026: 23 hours on 8 March',
    zone: 'America/New_York',
    window: 'day',
    starts: ['2026-03-07T05:00:00Z', '2026-03-08T05:00:00Z', '2026-03-09T04:00:00Z', '2026-03-10T04:00:00Z'],
  },
  {
    what: 'New York 2026: 25 hours on 1 November',
    zone: 'America/New_York',
    window: 'day',
    starts: ['2026-10-31T04:00:00Z', '2026-11-01T04:00:00Z', '2026-11-02T05:00:00Z', '2026-11-03T05:00:00Z'],
  },
  {
    what: 'Cairo 2026: midnight of 24 April is skipped, 23 hours',
    zone: 'Africa/Cairo',
    window: 'day',
    starts: ['2026-04-22T22:00:00Z', '2026-04-23T22:00:00Z', '2026-04-24T21:00:00Z', '2026-04-25T21:00:00Z'],
  },
  {
    what: 'Cairo 2026: 23:00 of 29 October comes twice, 25 hours',
    zone: 'Africa/Cairo',
    window: 'day',
    starts: ['2026-10-27T21:00:00Z', '2026-10-28T21:00:00Z', '2026-10-29T22:00:00Z', '2026-10-30T22:00:00Z'],
  },
  {
    what: 'Santiago 2026: 23:00 of 4 April comes twice, 25 hours',
    zone: 'America/Santiago',
    window: 'day',
    starts: ['2026-04-03T03:00:00Z', '2026-04-04T03:00:00Z', '2026-04-05T04:00:00Z', '2026-04-06T04:00:00Z'],
  },
  {
    what: 'Santiago 2026: midnight of 6 September is skipped, 23 hours',
    zone: 'America/Santiago',
    window: 'day',
    starts: ['2026-09-05T04:00:00Z', '2026-09-06T04:00:00Z', '2026-09-07T03:00:00Z', '2026-09-08T03:00:00Z'],
  },
  {
    what: 'Havana 2026: midnight of 8 March is skipped, 23 hours',
    zone: 'America/Havana',
    window: 'day',
    starts: ['2026-03-07T05:00:00Z', '2026-03-08T05:00:00Z', '2026-03-09T04:00:00Z', '2026-03-10T04:00:00Z'],
  },
  {
    what: 'Havana 2026: midnight of 1 November comes twice, 25 hours from the first',
    zone: 'America/Havana',
    window: 'day',
    starts: ['2026-10-31T04:00:00Z', '2026-11-01T04:00:00Z', '2026-11-02T05:00:00Z', '2026-11-03T05:00:00Z'],
  },
  {
    what: 'Azores 2026: midnight of 29 March is skipped, 23 hours',
    zone: 'Atlantic/Azores',
    window: 'day',
    starts: ['2026-03-28T01:00:00Z', '2026-03-29T01:00:00Z', '2026-03-30T00:00:00Z', '2026-03-31T00:00:00Z'],
  },
  {
    what: 'Azores 2026: midnight of 25 October comes twice, 25 hours from the first',
    zone: 'Atlantic/Azores',
    window: 'day',
    starts: ['2026-10-24T00:00:00Z', '2026-10-25T00:00:00Z', '2026-10-26T01:00:00Z', '2026-10-27T01:00:00Z'],
  },
  {
    what: 'Kolkata: half an hour beside the hours of UTC',
    zone: 'Asia/Kolkata',
    window: 'day',
    starts: ['2026-03-07T18:30:00Z', '2026-03-08T18:30:00Z', '2026-03-09T18:30:00Z'],
  },
  {
    what: 'Kolkata, its hours',
    zone: 'Asia/Kolkata',
    window: 'hour',
    starts: ['2026-03-08T17:30:00Z', '2026-03-08T18:30:00Z', '2026-03-08T19:30:00Z'],
  },
  {
    what: 'Moscow 2014: 1:00 comes twice, two windows',
    zone: 'Europe/Moscow',
    window: 'hour',
    starts: ['2014-10-25T20:00:00Z', '2014-10-25T21:00:00Z', '2014-10-25T22:00:00Z', '2014-10-25T23:00:00Z'],
  },
  {
    what: 'New York 2026: 2:00 is skipped, no window of nothing',
    zone: 'America/New_York',
    window: 'hour',
    starts: ['2026-03-08T06:00:00Z', '2026-03-08T07:00:00Z', '2026-03-08T08:00:00Z'],
  },
  {
    what: 'Cairo 2026: 23:00 comes twice, two windows of one day',
    zone: 'Africa/Cairo',
    window: 'hour',
    starts: ['2026-10-29T19:00:00Z', '2026-10-29T20:00:00Z', '2026-10-29T21:00:00Z', '2026-10-29T22:00:00Z'],
  },
  {
    what: 'Havana 2026: 0:00 comes twice, two windows of one day',
    zone: 'America/Havana',
    window: 'hour',
    starts: ['2026-11-01T03:00:00Z', '2026-11-01T04:00:00Z', '2026-11-01T05:00:00Z', '2026-11-01T06:00:00Z'],
  },
  {
    what: 'Azores 2026: 0:00 comes twice, two windows of one day',
    zone: 'Atlantic/Azores',
    window: 'hour',
    starts: ['2026-10-24T23:00:00Z', '2026-10-25T00:00:00Z', '2026-10-25T01:00:00Z', '2026-10-25T02:00:00Z'],
  },
  {
    what: 'Santiago 2026: 0:00 is skipped',
    zone: 'America/Santiago',
    window: 'hour',
    starts: ['2026-09-06T02:00:00Z', '2026-09-06T03:00:00Z', '2026-09-06T04:00:00Z', '2026-09-06T05:00:00Z'],
  },
];

/** Every window of a chain with an instant of it, at its edges to the millisecond and within. */
export function* instantsOf({ starts }: WindowChain): Generator<{ readonly at: number; readonly start: number }> {
  const edges = starts.map((start) => Date.parse(start));
  for (const [index, start] of edges.slice(0, -1).entries()) {
    const end = edges[index + 1] as number;
    for (const at of [start, start + 1, start + 999, Math.floor((start + end) / 2), end - 1_000, end - 1]) yield { at, start };
  }
}
