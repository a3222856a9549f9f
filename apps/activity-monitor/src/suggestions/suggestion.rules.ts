import { MEASURES, type Limit, type LimitWindow, type Measure, type Suggestion } from '#contracts';

/** The most that a person had of a measure within one window, over the period looked at. */
export interface Peak {
  readonly userId: string;
  readonly measure: Measure;
  readonly window: LimitWindow;
  readonly max: number;
}

export interface SuggestedTo {
  readonly userId: string;
  /** The effective roles. */
  readonly roleIds: readonly string[];
}

/** Headroom: a quarter more than the most that was seen, and at least 5 more. */
const HEADROOM = 1.25;
const LEAST_HEADROOM = 5;
const LARGEST_LIMIT = 1_000_000;
/** A role gets a limit of its own when its people had at most half of what everyone had, and are this many. */
const ROLE_SHARE = 0.5;
const ROLE_PEOPLE = 3;
const STANDS_OUT = 2;
const WINDOWS: readonly LimitWindow[] = ['hour', 'day'];

/**
 * Limits that would have cut off nobody, by measure and window: for everyone, and for roles that need clearly less. A measure that
 * nobody used has none. The limits hold together: put into the settings all at once, the narrowest that fits a person is above what he had.
 */
export function suggestionsFrom(peaks: readonly Peak[], people: readonly SuggestedTo[], days: number): readonly Suggestion[] {
  const rolesOf = new Map(people.map(({ userId, roleIds }) => [userId, new Set(roleIds)]));
  const roleIds = [...new Set(people.flatMap((person) => person.roleIds))].sort();
  return MEASURES.flatMap((measure) =>
    WINDOWS.flatMap((window) => {
      const seen = peaks.filter((peak) => peak.measure === measure && peak.window === window && peak.max > 0);
      const forEveryone = suggestionOf(seen, { everyone: true }, days);
      if (forEveryone === undefined) return [];
      const forRoles = roleIds.flatMap((roleId) => {
        const ofRole = seen.filter(({ userId }) => rolesOf.get(userId)?.has(roleId) === true);
        const suggestion = suggestionOf(ofRole, { roleIds: [roleId] }, days);
        const isClear = suggestion !== undefined && suggestion.seen.max <= ROLE_SHARE * forEveryone.seen.max;
        return isClear && ofRole.length >= ROLE_PEOPLE ? [suggestion] : [];
      });
      return [forEveryone, ...forRoles];
    }),
  );
}

function suggestionOf(peaks: readonly Peak[], scope: Limit['scope'], days: number): Suggestion | undefined {
  const sorted = peaks.toSorted((left, right) => right.max - left.max || (left.userId < right.userId ? -1 : 1));
  const [most, next] = sorted;
  if (most === undefined) return undefined;
  const { measure, window, userId } = most;
  const max = Math.min(LARGEST_LIMIT, Math.max(Math.ceil(HEADROOM * most.max), most.max + LEAST_HEADROOM));
  const nextMax = next?.max ?? 0;
  return {
    limit: { measure, window, max, action: 'deactivate', scope },
    seen: { max: most.max, userId, nextMax, median: middleOf(sorted.map((peak) => peak.max)), people: sorted.length },
    standsOut: next !== undefined && most.max > STANDS_OUT * nextMax,
    message: `A limit of ${max} within ${window === 'hour' ? 'an hour' : 'a day'} would have cut off nobody in ${days} days: the most was ${most.max}.`,
  };
}

function middleOf(descending: readonly number[]): number {
  const [low, high] = [Math.floor((descending.length - 1) / 2), Math.ceil((descending.length - 1) / 2)];
  return ((descending[low] ?? 0) + (descending[high] ?? 0)) / 2;
}
