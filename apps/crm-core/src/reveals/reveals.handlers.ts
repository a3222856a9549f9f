import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { v7 as uuidv7 } from 'uuid';
import { refuse, Secret } from '#kernel';
import type { AcceptedReply, PointOwner } from '#contracts';
import { decide } from '#policy';
import { CrmCommand, partOf, targetOf, unsealedText, type CommandContext } from '../commands/command-context.js';
import { CommandShell } from '../commands/command-shell.js';
import { Gate } from '../commands/gate.js';
import { holdingRecord, loadOwner, pointOf } from '../contact-points/record-points.js';
import type { ContactPoint } from '../records/domain/contact-point.js';
import { requireAction } from '../records/record-rights.js';
import { revealBody } from './domain/reveal.commands.js';
import { revealAggregate } from './reveal.aggregate.js';

export class RevealContactPhone extends CrmCommand {}
export class RevealContactEmail extends CrmCommand {}
export class RevealCompanyPhone extends CrmCommand {}
export class RevealCompanyEmail extends CrmCommand {}

/**
 * Writes down that a point is shown in full, after the policy and the gate; the value itself is asked for afterwards (`RevealedPoint`),
 * so that a repeat is decided by the rights of now.
 */
export class Reveals {
  constructor(
    private readonly shell: CommandShell,
    private readonly gate: Gate,
  ) {}

  /** Throws `not-found`, `erased`, `forbidden`, what is wrong with the body, and `view-limit-reached`, in this order. */
  reveal(context: CommandContext, type: PointOwner, kind: ContactPoint['kind']): Promise<AcceptedReply> {
    const [recordId, pointId] = [targetOf(context), partOf(context)];
    return this.shell.run(context, revealAggregate, uuidv7(), async ({ state }) => {
      const owner = await loadOwner(this.shell.log, type, recordId);
      const record = requireAction(context.principal, type, 'view', owner.state);
      if (!decide(context.principal, kind, 'reveal', record).allowed) refuse('forbidden');
      pointOf(record.fields, kind, pointId);
      const reason = new Secret(unsealedText(context, context.body.parse(revealBody).reason));
      const revealed = { recordType: type, recordId, recordVersion: owner.version, pointId, reason };
      return {
        events: revealAggregate.decide({ type: 'reveal', kind, revealed }, state),
        beforeAppend: () => this.gate.admit(context, 'phone.revealed', 'reveal', type, [recordId], false),
        ...holdingRecord(type, recordId, owner.version),
      };
    });
  }
}

@CommandHandler(RevealContactPhone)
export class RevealContactPhoneHandler implements ICommandHandler<RevealContactPhone> {
  constructor(private readonly reveals: Reveals) {}

  execute({ context }: RevealContactPhone): Promise<AcceptedReply> {
    return this.reveals.reveal(context, 'contact', 'phone');
  }
}

@CommandHandler(RevealContactEmail)
export class RevealContactEmailHandler implements ICommandHandler<RevealContactEmail> {
  constructor(private readonly reveals: Reveals) {}

  execute({ context }: RevealContactEmail): Promise<AcceptedReply> {
    return this.reveals.reveal(context, 'contact', 'email');
  }
}

@CommandHandler(RevealCompanyPhone)
export class RevealCompanyPhoneHandler implements ICommandHandler<RevealCompanyPhone> {
  constructor(private readonly reveals: Reveals) {}

  execute({ context }: RevealCompanyPhone): Promise<AcceptedReply> {
    return this.reveals.reveal(context, 'company', 'phone');
  }
}

@CommandHandler(RevealCompanyEmail)
export class RevealCompanyEmailHandler implements ICommandHandler<RevealCompanyEmail> {
  constructor(private readonly reveals: Reveals) {}

  execute({ context }: RevealCompanyEmail): Promise<AcceptedReply> {
    return this.reveals.reveal(context, 'company', 'email');
  }
}
