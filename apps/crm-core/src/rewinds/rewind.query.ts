import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { refuse } from '#kernel';
import type { RewindPage, RewindQuery } from '#contracts';
import { allows } from '#policy';
import { Authorizations } from '../commands/authorizations.js';
import { RewindStore } from './rewind-store.js';

export class GetRewind extends Query<RewindPage> {
  constructor(readonly request: RewindQuery) {
    super();
  }
}

/** One page of a rewind, for those who may rewind. */
@QueryHandler(GetRewind)
export class GetRewindHandler implements IQueryHandler<GetRewind, RewindPage> {
  constructor(
    private readonly store: RewindStore,
    private readonly authorizations: Authorizations,
  ) {}

  async execute({ request }: GetRewind): Promise<RewindPage> {
    const loaded = await this.authorizations.load(request.caller.userId);
    if (loaded === undefined || loaded.authorization.status !== 'active') return refuse('unauthenticated');
    if (!allows(loaded.principal, 'records', 'rewind')) return refuse('forbidden');
    return (await this.store.page(request)) ?? refuse('not-found');
  }
}
