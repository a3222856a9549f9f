import type { Limit } from '#contracts';

/** More combinations of people and roles than this are not weighed: then it counts as looser, and is told of. */
const MOST_PEOPLE = 20_000;
/** So many roles of one person are weighed together: one for each action whose largest maximum comes by a role, and one more. */
const MOST_ROLES = 4;
/** What a limit does at the least, from what is only told of to what cuts off. */
const AT_LEAST: readonly (readonly Limit['action'][])[] = [
  ['alert', 'refuse', 'deactivate'],
  ['refuse', 'deactivate'],
  ['deactivate'],
];

/** Somebody who may exist: named himself or not, with some of the roles that are named. */
interface Somebody {
  readonly userId: string | undefined;
  readonly roleIds: readonly string[];
}

/**
 * Whether somebody could be told of, refused or cut off later under the limits after than under those before. Each limit alone may be as
 * strict as it was, and yet a narrower one with a larger maximum take its place for a person (monitoring.md "Limits": the narrowest scope holds).
 */
export function areLooser(before: readonly Limit[], after: readonly Limit[]): boolean {
  const kinds = new Set([...before, ...after].map(({ measure, window }) => `${measure} ${window}`));
  return [...kinds].some((kind) => {
    const of = (limits: readonly Limit[]): readonly Limit[] =>
      limits.filter(({ measure, window }) => `${measure} ${window}` === kind);
    const [old, present] = [of(before), of(after)];
    if (JSON.stringify(old) === JSON.stringify(present)) return false;
    const people = somebodies([...old, ...present]);
    return people === 'too many' || people.some((somebody) => isHeldLater(somebody, old, present));
  });
}

function isHeldLater(somebody: Somebody, before: readonly Limit[], after: readonly Limit[]): boolean {
  return AT_LEAST.some((actions) => leastMaximum(somebody, after, actions) > leastMaximum(somebody, before, actions));
}

/** The count past which one of these actions falls on him first; infinite without one. */
function leastMaximum(somebody: Somebody, limits: readonly Limit[], actions: readonly Limit['action'][]): number {
  return Math.min(
    ...actions.map((action) =>
      maximumFor(
        somebody,
        limits.filter((limit) => limit.action === action),
      ),
    ),
  );
}

/** Of limits of one action the narrowest scope that fits, and in it the largest maximum. */
function maximumFor({ userId, roleIds }: Somebody, limits: readonly Limit[]): number {
  const byScope = [
    limits.filter(({ scope }) => 'userIds' in scope && userId !== undefined && scope.userIds.includes(userId)),
    limits.filter(({ scope }) => 'roleIds' in scope && scope.roleIds.some((id) => roleIds.includes(id))),
    limits.filter(({ scope }) => 'everyone' in scope),
  ];
  const narrowest = byScope.find((fitting) => fitting.length > 0) ?? [];
  return narrowest.length === 0 ? Infinity : Math.max(...narrowest.map(({ max }) => max));
}

/** One of each kind of people whom these limits tell apart. */
function somebodies(limits: readonly Limit[]): readonly Somebody[] | 'too many' {
  const users = toldApart(limits, ({ scope }) => ('userIds' in scope ? scope.userIds : []));
  const roles = toldApart(limits, ({ scope }) => ('roleIds' in scope ? scope.roleIds : []));
  let combinations: readonly (readonly string[])[] = [[]];
  for (const role of roles) {
    combinations = [...combinations, ...combinations.filter((one) => one.length < MOST_ROLES).map((one) => [...one, role])];
    if (combinations.length * (users.length + 1) > MOST_PEOPLE) return 'too many';
  }
  return [undefined, ...users].flatMap((userId) => combinations.map((roleIds) => ({ userId, roleIds })));
}

/** Of the ids that stand in the same limits, one. */
function toldApart(limits: readonly Limit[], idsOf: (limit: Limit) => readonly string[]): readonly string[] {
  const places = new Map<string, string>();
  for (const [index, limit] of limits.entries())
    for (const id of new Set(idsOf(limit))) places.set(id, `${places.get(id) ?? ''} ${index}`);
  return [...new Map([...places].map(([id, where]) => [where, id])).values()];
}
