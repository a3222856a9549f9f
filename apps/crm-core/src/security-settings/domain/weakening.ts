import type { Limit, SecuritySettings } from '#contracts';
import { parseRange } from '#policy';
import { areLooser } from './looser-limits.js';

/** The protections that the change turns off or makes wider, by name. Empty: none. */
export function weakenings(before: SecuritySettings, after: SecuritySettings): readonly string[] {
  const [list, newList] = [before.ipAllowList, after.ipAllowList];
  const [watched, newWatched] = [before.activityMonitoring, after.activityMonitoring];
  const found: readonly (readonly [string, boolean])[] = [
    ['hidePhones', before.hidePhones && !after.hidePhones],
    ['hideEmails', before.hideEmails && !after.hideEmails],
    ['ipAllowList.enabled', list.enabled && !newList.enabled],
    ['ipAllowList.exemptAdmins', !list.exemptAdmins && newList.exemptAdmins],
    ['ipAllowList.entries', list.enabled && newList.enabled && isWider(list.entries, newList.entries)],
    ['api.adminsOnly', before.api.adminsOnly && !after.api.adminsOnly],
    ['activityMonitoring.enabled', watched.enabled && !newWatched.enabled],
    ['activityMonitoring.exemptAdmins', !watched.exemptAdmins && newWatched.exemptAdmins],
    ['activityMonitoring.counting', watched.counting === 'opens' && newWatched.counting === 'distinct'],
    // Twice the maximum fits into an hour that lies across two clock hours.
    ['activityMonitoring.windowing', watched.windowing === 'rolling' && newWatched.windowing === 'calendar'],
    // Days and hours begin elsewhere: what was counted in them so far may not count any more.
    ['timeZone', newWatched.windowing === 'calendar' && newWatched.limits.length > 0 && before.timeZone !== after.timeZone],
    ['activityMonitoring.limits', areWeaker(watched.limits, newWatched.limits) || areLooser(watched.limits, newWatched.limits)],
  ];
  return found.filter(([, weaker]) => weaker).map(([name]) => name);
}

type Entries = SecuritySettings['ipAllowList']['entries'];
interface Interval {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
}

/** True when the new entries let in an address that the old ones together did not. */
function isWider(before: Entries, after: Entries): boolean {
  const old = intervals(before);
  return intervals(after).some(({ family, first, last }) => {
    let next = first;
    for (const known of old) if (known.family === family && known.first <= next && known.last >= next) next = known.last + 1n;
    return next <= last;
  });
}

/** By first address, ascending. */
function intervals(entries: Entries): readonly Interval[] {
  const ranges = entries.map(({ cidr }) => parseRange(cidr)).filter((range) => range !== null);
  return ranges
    .map(({ family, network, prefix }) => {
      const size = 1n << BigInt((family === 4 ? 32 : 128) - prefix);
      return { family, first: network, last: network + size - 1n };
    })
    .sort((a, b) => (a.first < b.first ? -1 : Number(a.first > b.first)));
}

const STRICTNESS = { alert: 0, refuse: 1, deactivate: 2 } as const;

function areWeaker(before: readonly Limit[], after: readonly Limit[]): boolean {
  return (
    before.some((limit) => !after.some((other) => isAsStrict(other, limit))) ||
    after.some((added) => before.some((limit) => overrides(added, limit)) && !before.some((old) => allowedAsMuch(old, added)))
  );
}

/** The other limit still does what this one did: for all of its people, at most as much, at least as strict. */
function isAsStrict(other: Limit, limit: Limit): boolean {
  return (
    other.measure === limit.measure &&
    other.window === limit.window &&
    covers(other.scope, limit.scope) &&
    other.max <= limit.max &&
    STRICTNESS[other.action] >= STRICTNESS[limit.action]
  );
}

/** Somebody whom the limit held may now do more: a narrower scope goes first, and within one scope the largest maximum. */
function overrides(added: Limit, limit: Limit): boolean {
  return isSameKind(added, limit) && added.max > limit.max && mayOutrank(added.scope, limit.scope);
}

/** The larger maximum was there before, for the same people or more. */
function allowedAsMuch(old: Limit, added: Limit): boolean {
  return (
    isSameKind(old, added) && old.max >= added.max && rank(old.scope) === rank(added.scope) && covers(old.scope, added.scope)
  );
}

function isSameKind(a: Limit, b: Limit): boolean {
  return a.measure === b.measure && a.window === b.window && a.action === b.action;
}

function rank(scope: Limit['scope']): 0 | 1 | 2 {
  return 'everyone' in scope ? 0 : 'roleIds' in scope ? 1 : 2;
}

function idsOf(scope: Limit['scope']): readonly string[] {
  return 'everyone' in scope ? [] : 'roleIds' in scope ? scope.roleIds : scope.userIds;
}

function covers(outer: Limit['scope'], inner: Limit['scope']): boolean {
  if (rank(outer) === 0) return true;
  const ids = new Set(idsOf(outer));
  return rank(outer) === rank(inner) && idsOf(inner).every((id) => ids.has(id));
}

/** Whether a person may have both, and the added one goes first. Different roles may meet in one person; different people do not. */
function mayOutrank(added: Limit['scope'], other: Limit['scope']): boolean {
  if (rank(added) !== rank(other)) return rank(added) > rank(other);
  if (rank(added) < 2) return true;
  const ids = new Set(idsOf(other));
  return idsOf(added).some((id) => ids.has(id));
}
