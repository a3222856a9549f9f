import type { Level } from './grants.js';
import type { Principal } from './principal.js';

/** What the policy needs to know of a record. */
export interface OwnedRecord {
  readonly responsibleId: string | null;
}

/** The people whose records are reached. Everything is not a list of all, and nothing is not an empty list. */
export type Reach =
  | { readonly kind: 'everything' }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'responsible'; readonly userIds: ReadonlySet<string> };

/** The one rule of levels on records. Decisions and filters are both made of it and hold no rule of their own. */
export function reachAt(level: Level, principal: Principal): Reach {
  switch (level) {
    case 'allowed':
      return { kind: 'everything' };
    case 'group':
      return { kind: 'responsible', userIds: withSelf(principal) };
    case 'responsible':
      return { kind: 'responsible', userIds: new Set([principal.userId]) };
    case 'forbidden':
      return { kind: 'nothing' };
  }
}

/** Group contains responsible, even for a principal that was put together without himself in his group. */
function withSelf({ userId, groupUserIds }: Principal): ReadonlySet<string> {
  return groupUserIds.has(userId) ? groupUserIds : new Set([...groupUserIds, userId]);
}
