import type { Kysely } from 'kysely';
import { forgetOldSightings, sightingsAreTaken, takeSightings } from '../sightings/take-sightings.js';
import { judgedDays } from './judged-days.js';
import { forgetOldLimits, limitDay } from './limit-days.js';
import { raiseUnusual } from './unusual-days.js';

export interface PatternWatch {
  readonly db: Kysely<unknown>;
  /** Runs what raises alarms, one at a time with everything else that does. */
  readonly alarming: (raise: () => Promise<number>) => Promise<number>;
}

/**
 * One round: notes what was shown, works out what is usual when a day has begun, and raises what is far outside today or came in late for
 * yesterday. A round may be repeated, interrupted, or run by several instances at once: nothing is counted or raised twice. Returns how
 * many alarms were raised.
 */
export async function watchPatterns({ db, alarming }: PatternWatch): Promise<number> {
  await takeSightings(db);
  // A long log takes several rounds at first; nobody is judged by the half of it.
  if (!(await sightingsAreTaken(db))) return 0;
  const days = await judgedDays(db);
  let raised = 0;
  for (const day of days) {
    if (await limitDay(db, day)) {
      await forgetOldLimits(db, days[0]);
      await forgetOldSightings(db, days[1].date);
    }
    raised += await alarming(() => raiseUnusual(db, day));
  }
  return raised;
}
