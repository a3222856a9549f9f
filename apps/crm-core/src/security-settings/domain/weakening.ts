import type { Limit, SecuritySettings } from '#contracts';
import { parseRange, rangeHolds } from '#policy';

/** The protections that the change turns off or makes wider (access.md "Weakening"), by name. Empty: none. */
export function weakenings(before: SecuritySettings, after: SecuritySettings): readonly string[] {
  const [list, newList] = [before.ipAllowList, after.ipAllowList];
  const [watched, newWatched] = [before.activityMonitoring, after.activityMonitoring];
  const found: readonly (readonly [string, boolean])[] = [
    ['hidePhones', before.hidePhones && !after.hidePhones],
    ['hideEmails', before.hideEmails && !after.hideEmails],
    ['ipAllowList.enabled', list.enabled && !newList.enabled],
    ['ipAllowList.exemptAdmins', !list.exemptAdmins && newList.exemptAdmins],
    ['ipAllowList.entries', newList.enabled && isWider(list.entries, newList.entries)],
    ['api.adminsOnly', before.api.adminsOnly && !after.api.adminsOnly],
    ['activityMonitoring.enabled', watched.enabled && !newWatched.enabled],
    ['activityMonitoring.exemptAdmins', !watched.exemptAdmins && newWatched.exemptAdmins],
    ['activityMonitoring.counting', watched.counting === 'opens' && newWatched.counting === 'distinct'],
    ['activityMonitoring.limits', watched.limits.some((limit) => !newWatched.limits.some((other) => isAsStrict(other, limit)))],
  ];
  return found.filter(([, weaker]) => weaker).map(([name]) => name);
}

type Entries = SecuritySettings['ipAllowList']['entries'];

/** True when an entry lets in what no single old entry let in. */
function isWider(before: Entries, after: Entries): boolean {
  const old = before.map(({ cidr }) => parseRange(cidr)).filter((range) => range !== null);
  return after.some(({ cidr }) => {
    const range = parseRange(cidr);
    if (range === null) return true;
    const address = { family: range.family, value: range.network };
    return !old.some((known) => known.prefix <= range.prefix && rangeHolds(known, address));
  });
}

const STRICTNESS = { alert: 0, refuse: 1, deactivate: 2 } as const;

/** The other limit still does what this one did: same measure, window and scope, at most as much, at least as strict. */
function isAsStrict(other: Limit, limit: Limit): boolean {
  return (
    other.measure === limit.measure &&
    other.window === limit.window &&
    JSON.stringify(other.scope) === JSON.stringify(limit.scope) &&
    other.max <= limit.max &&
    STRICTNESS[other.action] >= STRICTNESS[limit.action]
  );
}
