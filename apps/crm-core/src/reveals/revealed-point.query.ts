import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { fold, refuse } from '#kernel';
import { revealedPointContext, type ClearPoint, type RevealedPointQuery, type SealedReply } from '#contracts';
import { decide } from '#policy';
import { sealFor, toPublicJwk } from '#privacy';
import { Authorizations } from '../commands/authorizations.js';
import { loadOwner, pointOf, POINT_OWNERS, type PointFields } from '../contact-points/record-points.js';
import { CrmLog } from '../log/crm-log.js';
import { requireAction } from '../records/record-rights.js';
import { revealAggregate } from './reveal.aggregate.js';

export class GetRevealedPoint extends Query<SealedReply> {
  constructor(readonly request: RevealedPointQuery) {
    super();
  }
}

/**
 * The number or address that a reveal showed: the one of then, which was counted, to the same person, if he may reveal it now and it
 * is still there.
 */
@QueryHandler(GetRevealedPoint)
export class GetRevealedPointHandler implements IQueryHandler<GetRevealedPoint, SealedReply> {
  constructor(
    private readonly log: CrmLog,
    private readonly authorizations: Authorizations,
  ) {}

  async execute({ request }: GetRevealedPoint): Promise<SealedReply> {
    const loaded = await this.authorizations.load(request.caller.userId);
    if (loaded === undefined) return refuse('unauthenticated');
    const { events } = await this.log.history(revealAggregate, request.revealId);
    const [revealed] = events;
    if (revealed === undefined || revealed.event.type === 'RevealErased') return refuse('not-found');
    if (revealed.metadata.actorId !== request.caller.userId) return refuse('not-found');
    // Counted by this very request while he was active: one of the N, whatever the N + 1st did to his account since.
    const isOwn = revealed.metadata.correlationId === request.requestId;
    if (!isOwn && loaded.authorization.status !== 'active') return refuse('unauthenticated');
    // As long as its command is remembered, and no longer: later, a reveal is another one, with a reason and a count of its own.
    if ((await this.log.findCommand(revealed.metadata.commandId)) === undefined) return refuse('not-found');
    const { type, data } = revealed.event;
    const kind = type === 'PhoneRevealed' ? 'phone' : 'email';
    const { recordType, recordId, recordVersion, pointId } = data;
    const owner = await loadOwner(this.log, recordType, recordId);
    const record = requireAction(loaded.principal, recordType, 'view', owner.state);
    if (!decide(loaded.principal, kind, 'reveal', record).allowed) refuse('forbidden');
    pointOf(record.fields, kind, pointId);
    const past = owner.events.filter(({ version }) => version <= recordVersion).map((recorded) => recorded.event);
    const value = pointOf(fieldsOf(fold(POINT_OWNERS[recordType], past)), kind, pointId).value.expose();
    const point: ClearPoint = kind === 'phone' ? { id: pointId, number: value } : { id: pointId, address: value };
    const context = revealedPointContext(request.requestId);
    return { ok: true, sealed: await sealFor(toPublicJwk(request.replyJwk), JSON.stringify(point), context) };
  }
}

function fieldsOf(state: { readonly phase: string; readonly fields?: PointFields }): PointFields {
  return state.fields ?? refuse('not-found');
}
