import { sql, type Kysely, type Migration } from 'kysely';

/**
 * What unusual behaviour is found by. All of it but `patterns_told` can be made again from the disclosure log and the windows.
 *
 * A circle is a department, or a person who has none.
 */
const PATTERNS = `
-- Which record was shown to whom on which local day; kept for eight weeks.
CREATE TABLE monitor.sightings (
  circle_id uuid NOT NULL,
  subject_id uuid NOT NULL,
  day date NOT NULL,
  user_id uuid NOT NULL,
  PRIMARY KEY (circle_id, subject_id, day, user_id)
);
CREATE INDEX sightings_day ON monitor.sightings USING brin (day);

-- How many of them were familiar to the circle: of a person, and of the members of a department together, each record once.
CREATE TABLE monitor.sighting_days (
  scope text NOT NULL,
  id uuid NOT NULL,
  day date NOT NULL,
  familiar integer NOT NULL,
  unfamiliar integer NOT NULL,
  PRIMARY KEY (scope, id, day)
);
CREATE INDEX sighting_days_day ON monitor.sighting_days (day);
-- What was counted on a day, of everybody. A bucket's counts change and its start does not: the index costs once a bucket.
CREATE INDEX windows_days ON monitor.windows (bucket_start) WHERE "window" = 'day';

-- What is usual, as it was worked out for a day: a row for each person or department, figure and span.
CREATE TABLE monitor.day_limits (
  day date NOT NULL,
  scope text NOT NULL,
  id uuid NOT NULL,
  figure text NOT NULL,
  span text NOT NULL,
  max double precision NOT NULL,
  carried integer NOT NULL,
  familiar jsonb,
  usual jsonb NOT NULL,
  PRIMARY KEY (day, scope, id, figure, span)
);
-- For which days it was worked out, and for how many people: with another number it is done again.
CREATE TABLE monitor.limited_days (
  day date PRIMARY KEY,
  people integer NOT NULL
);

-- What was raised, so that it is raised once.
CREATE TABLE monitor.patterns_told (
  scope text NOT NULL,
  id uuid NOT NULL,
  figure text NOT NULL,
  span text NOT NULL,
  day date NOT NULL,
  PRIMARY KEY (scope, id, figure, span, day)
);

-- Up to when the disclosure log was read for sightings. One row, locked by whoever reads.
CREATE TABLE monitor.sighting_progress (
  singleton boolean PRIMARY KEY DEFAULT true,
  read_until timestamptz,
  -- The last one read, while more lie behind it.
  last_id uuid
);
INSERT INTO monitor.sighting_progress DEFAULT VALUES;
`;

export const patterns: Migration = {
  async up(db: Kysely<never>) {
    await sql.raw(PATTERNS).execute(db);
  },
};
