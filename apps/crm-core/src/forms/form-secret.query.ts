import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { refuse } from '#kernel';
import { formSecretContext, type FormSecretQuery, type FormSecretReply } from '#contracts';
import { allows } from '#policy';
import { DatabaseClock } from '#platform';
import { sealFor, toPublicJwk } from '#privacy';
import { Authorizations } from '../commands/authorizations.js';
import { CrmLog } from '../log/crm-log.js';
import { formSecretAggregate } from './form.aggregate.js';

/** Long enough for a client that lost the answer to ask again under its Idempotency-Key. */
const TOLD_FOR_MS = 10 * 60_000;

export class GetFormSecret extends Query<FormSecretReply> {
  constructor(readonly request: FormSecretQuery) {
    super();
  }
}

/** The secret that a command made, for who gave the command, a short time long; `not-found` for anything else. */
@QueryHandler(GetFormSecret)
export class GetFormSecretHandler implements IQueryHandler<GetFormSecret, FormSecretReply> {
  constructor(
    private readonly log: CrmLog,
    private readonly authorizations: Authorizations,
    private readonly clock: DatabaseClock,
  ) {}

  async execute({ request }: GetFormSecret): Promise<FormSecretReply> {
    const { caller, formId, commandId, requestId, replyJwk } = request;
    const loaded = await this.authorizations.load(caller.userId);
    if (loaded === undefined || loaded.authorization.status !== 'active') return refuse('unauthenticated');
    if (!allows(loaded.principal, 'forms', 'edit')) return refuse('forbidden');
    const { events } = await this.log.history(formSecretAggregate, formId);
    const set = events.find(({ metadata }) => metadata.commandId === commandId && metadata.actorId === caller.userId);
    if (set === undefined || !set.event.data.generated) return refuse('not-found');
    if (this.clock.now().getTime() - Date.parse(set.metadata.at) > TOLD_FOR_MS) return refuse('not-found');
    const sealed = await sealFor(toPublicJwk(replyJwk), set.event.data.secret.expose(), formSecretContext(requestId));
    return { ok: true, sealed };
  }
}
