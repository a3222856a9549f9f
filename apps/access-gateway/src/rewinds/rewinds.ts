import { Injectable } from '@nestjs/common';
import { DomainError } from '#kernel';
import type { Caller, RewindChange, RewindConflict, RewindPage, RewindPosition, RewindQuery, RewindState } from '#contracts';
import { CoreClient } from '../core/core-client.js';

/** Pages of one list at most: far more than core's own limit of records makes. */
const MOST_PAGES = 5_000;

type List = RewindQuery['list'];
export interface RewindLists {
  readonly changes: readonly RewindChange[];
  readonly conflicts: readonly RewindConflict[];
}
export interface Rewind extends RewindLists {
  readonly rewindId: string;
  readonly state: Exclude<RewindState, 'preview'>;
  readonly done: number;
  readonly total: number;
}

/** Rewinds as core tells of them, put together from its pages: one message of the broker could not hold a long list. */
@Injectable()
export class Rewinds {
  constructor(private readonly core: CoreClient) {}

  /** What a dry run found. Throws `not-found`. */
  async preview(who: { readonly caller: Caller }, rewindId: string): Promise<RewindLists> {
    const [{ entries: changes }, { entries: conflicts }] = await this.lists(who, rewindId);
    return { changes, conflicts: conflicts as RewindConflict[] };
  }

  /** A rewind that was started. Throws `not-found`, for a dry run too: it is no rewind. */
  async get(who: { readonly caller: Caller }, rewindId: string): Promise<Rewind> {
    const [{ first, entries: changes }, { entries: conflicts }] = await this.lists(who, rewindId);
    const { state, done, total } = first;
    if (state === 'preview') throw new DomainError('not-found');
    return { rewindId, state, done, total, changes, conflicts: conflicts as RewindConflict[] };
  }

  /** The state is that of the first page: what it calls done is in the lists that follow. */
  private async lists(who: { readonly caller: Caller }, rewindId: string) {
    const changes = await this.list(who, rewindId, 'changes');
    return [changes, await this.list(who, rewindId, 'conflicts')] as const;
  }

  private async list({ caller }: { readonly caller: Caller }, rewindId: string, list: List) {
    const ask = (after: RewindPosition | null): Promise<RewindPage> => {
      const query: RewindQuery = { caller, rewindId, list, after };
      return this.core.query<RewindPage>('Rewind', query);
    };
    const first = await ask(null);
    const entries: (RewindChange | RewindConflict)[] = [...first.entries];
    let next = first.next;
    for (let pages = 1; next !== null; pages += 1) {
      if (pages === MOST_PAGES) throw new Error('a rewind has more pages than there can be');
      const page = await ask(next);
      entries.push(...page.entries);
      next = page.next;
    }
    return { first, entries };
  }
}
