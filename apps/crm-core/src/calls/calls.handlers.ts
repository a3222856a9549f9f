import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { v7 as uuidv7 } from 'uuid';
import { refuse, refuseField, type Secret } from '#kernel';
import type { AcceptedReply, PointOwner } from '#contracts';
import type { RecordFilter } from '#policy';
import { CrmCommand, partOf, targetOf, unsealedText, type CommandContext } from '../commands/command-context.js';
import { CommandShell } from '../commands/command-shell.js';
import { Gate } from '../commands/gate.js';
import { holdingRecord, loadOwner, pointOf } from '../contact-points/record-points.js';
import { completeNumber } from '../lookups/domain/complete-number.js';
import { NumberOwners } from '../lookups/number-owners.js';
import { requireAction } from '../records/record-rights.js';
import { callAggregate } from './call.aggregate.js';
import { CallDispatcher } from './call-dispatcher.js';
import { incomingCallBody } from './domain/call.commands.js';
import { incomingCallAggregate } from './incoming-call.aggregate.js';

export class CallContact extends CrmCommand {}
export class CallCompany extends CrmCommand {}
export class ReportIncomingCall extends CrmCommand {}

/** Places calls: the number goes from here to the telephone system, and to nobody else. */
export class Calls {
  constructor(
    private readonly shell: CommandShell,
    private readonly gate: Gate,
    private readonly dispatcher: CallDispatcher,
  ) {}

  /** The id is the call's. Throws `not-found`, `erased`, `forbidden`, `invalid-phone` for raw text, `view-limit-reached`. */
  async place(context: CommandContext, type: PointOwner): Promise<AcceptedReply> {
    const [recordId, phoneId] = [targetOf(context), partOf(context)];
    const callId = uuidv7();
    const decided: { number?: Secret<string> } = {};
    const outcome = await this.shell.run(context, callAggregate, callId, async ({ state }) => {
      const owner = await loadOwner(this.shell.log, type, recordId);
      const { fields } = requireAction(context.principal, type, 'call', owner.state);
      const point = pointOf(fields, 'phone', phoneId);
      if (point.form === 'raw') refuseField('invalid-phone', 'phoneId', 'Not one complete telephone number; correct it first');
      decided.number = point.value;
      return {
        events: callAggregate.decide({ type: 'place', call: { recordType: type, recordId, phoneId } }, state),
        beforeAppend: () => this.gate.admit(context, 'call.placed', 'call', type, [recordId]),
        ...holdingRecord(type, recordId, owner.version),
      };
    });
    const { number } = decided;
    // Another id: a repeat was first, and its call is made already.
    if (outcome.id === callId && number !== undefined) {
      this.dispatcher.dispatch({ callId, number, userId: context.caller.userId, placedAt: context.at });
    }
    return outcome;
  }
}

@CommandHandler(CallContact)
export class CallContactHandler implements ICommandHandler<CallContact> {
  constructor(private readonly calls: Calls) {}

  execute({ context }: CallContact): Promise<AcceptedReply> {
    return this.calls.place(context, 'contact');
  }
}

@CommandHandler(CallCompany)
export class CallCompanyHandler implements ICommandHandler<CallCompany> {
  constructor(private readonly calls: Calls) {}

  execute({ context }: CallCompany): Promise<AcceptedReply> {
    return this.calls.place(context, 'company');
  }
}

const EVERYTHING: RecordFilter = { kind: 'everything' };

/**
 * Notes that a number is calling: its event goes to the gateways, which tell the responsible people. Whoever reports learns nothing by
 * the answer, but he may be listening himself: it is an exact match on a number, and counts as a lookup that showed nothing.
 */
@CommandHandler(ReportIncomingCall)
export class ReportIncomingCallHandler implements ICommandHandler<ReportIncomingCall> {
  constructor(
    private readonly shell: CommandShell,
    private readonly gate: Gate,
    private readonly owners: NumberOwners,
  ) {}

  async execute({ context }: ReportIncomingCall): Promise<AcceptedReply> {
    // The gateway lets tokens in by their scope; a person by himself must be an administrator.
    if (!context.principal.isAdmin && context.caller.tokenId === null) refuse('forbidden');
    const { number, to } = context.body.parse(incomingCallBody);
    const caller = completeNumber(number, context.authorization.settings.defaultRegion);
    const found = await this.owners.find(caller, { contact: EVERYTHING, company: EVERYTHING });
    const from = found.map(({ type, id, phoneId }) => ({ recordType: type, recordId: id, phoneId }));
    const line = to === null ? null : unsealedText(context, to);
    return this.shell.run(context, incomingCallAggregate, uuidv7(), ({ state }) => ({
      events: incomingCallAggregate.decide({ type: 'receive', from, line }, state),
      beforeAppend: () => this.gate.admitLookup(context, { contact: [], company: [] }),
    }));
  }
}
