import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { refuse } from '#kernel';
import type { LookupMatches, LookupMatchesQuery } from '#contracts';
import { CrmLog } from '../log/crm-log.js';
import { lookupAggregate } from './lookup.aggregate.js';

export class GetLookupMatches extends Query<LookupMatches> {
  constructor(readonly request: LookupMatchesQuery) {
    super();
  }
}

/** What a lookup found, by ids, for the person who looked up. What he may see of it now is decided by who reads the records. */
@QueryHandler(GetLookupMatches)
export class GetLookupMatchesHandler implements IQueryHandler<GetLookupMatches, LookupMatches> {
  constructor(private readonly log: CrmLog) {}

  async execute({ request }: GetLookupMatches): Promise<LookupMatches> {
    const { events } = await this.log.history(lookupAggregate, request.lookupId);
    const [lookedUp] = events;
    if (lookedUp === undefined || lookedUp.metadata.actorId !== request.caller.userId) return refuse('not-found');
    return { ok: true, matches: lookedUp.event.data.matches };
  }
}
