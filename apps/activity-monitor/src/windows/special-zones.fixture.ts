/** Zones with something special about their days, and some instants at which their clocks are changed. */
export const SPECIAL_ZONES: readonly { readonly zone: string; readonly changes: readonly string[] }[] = [
  { zone: 'Africa/Cairo', changes: ['2026-04-23T22:00:00Z', '2026-10-29T21:00:00Z'] },
  { zone: 'America/Santiago', changes: ['2026-04-05T03:00:00Z', '2026-09-06T04:00:00Z'] },
  { zone: 'America/Havana', changes: ['2026-03-08T05:00:00Z', '2026-11-01T05:00:00Z'] },
  { zone: 'Atlantic/Azores', changes: ['2026-03-29T01:00:00Z', '2026-10-25T01:00:00Z'] },
  { zone: 'Asia/Beirut', changes: ['2026-03-28T22:00:00Z', '2026-10-24T21:00:00Z'] },
  { zone: 'Asia/Kolkata', changes: ['2026-06-01T18:30:00Z'] },
  { zone: 'Europe/Moscow', changes: ['2014-10-25T22:00:00Z'] },
  { zone: 'America/New_York', changes: ['2026-03-08T07:00:00Z', '2026-11-01T06:00:00Z'] },
  { zone: 'Australia/Lord_Howe', changes: ['2026-04-04T15:00:00Z', '2026-10-03T15:30:00Z'] },
  { zone: 'UTC', changes: ['2026-01-01T00:00:00Z'] },
];
