import { widest, type Grants, type Level } from '#policy';

/** A right to see full numbers or addresses unasked, at a wider level than before. */
export interface WeakenedRight {
  readonly name: 'grant.phone.view' | 'grant.email.view';
  readonly before: Level;
  readonly after: Level;
}

/** What lets full numbers or addresses be seen unasked by more than before. */
export function weakenedRights(before: Grants, after: Grants): readonly WeakenedRight[] {
  return (['phone', 'email'] as const).flatMap((subject): WeakenedRight[] => {
    const had = before[subject]?.view ?? 'forbidden';
    const has = after[subject]?.view ?? 'forbidden';
    return widest(had, has) === had ? [] : [{ name: `grant.${subject}.view`, before: had, after: has }];
  });
}

/** Upcasts an event of when nobody looked: its alarm is not raised years later. */
export function nothingWeakened<Data>(data: Data): Data & { readonly weakened: readonly WeakenedRight[] } {
  return { ...data, weakened: [] };
}
