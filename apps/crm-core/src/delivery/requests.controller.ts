import { Controller, Inject } from '@nestjs/common';
import { Ctx, MessagePattern, NatsContext, Payload } from '@nestjs/microservices';
import { QueryBus } from '@nestjs/cqrs';
import { DomainError } from '#kernel';
import type { z } from 'zod';
import {
  cardAtQuerySchema,
  contactPointsQuerySchema,
  explainQuerySchema,
  formSecretQuerySchema,
  historyQuerySchema,
  leadCommittedQuerySchema,
  lookupMatchesQuerySchema,
  revealedPointQuerySchema,
  leadFormsQuerySchema,
  rewindQuerySchema,
  type AuditProofReply,
  type CommandReply,
  type ContactPointsReply,
  type ExplainReply,
  type FormSecretReply,
  type LeadCommittedReply,
  type LeadFormsReply,
  type LookupMatches,
  type PublicKeyReply,
  type RefusalReply,
  type SealedReply,
  type RewindReply,
} from '#contracts';
import { refusalOf } from '#messaging';
import { isUnavailable, type Logger } from '#platform';
import { ExplainDecision } from '../authz/explain/explain.query.js';
import { CommandIntake } from '../commands/command-intake.js';
import { GetContactPoints } from '../contact-points/contact-points.query.js';
import { GetLookupMatches } from '../lookups/lookup-matches.query.js';
import { GetFormSecret } from '../forms/form-secret.query.js';
import { IntakeForms } from '../forms/intake-forms.js';
import { GetCardAt, GetHistory } from '../records/past/past.query.js';
import { LeadIntake } from '../leads/lead-intake.js';
import { UnknownEvent } from '../log/event-codec.js';
import { CORE_LOGGER, SERVICE_KEYS } from '../log/log.module.js';
import type { ServiceKeys } from '../log/service-keys.js';
import { GetRevealedPoint } from '../reveals/revealed-point.query.js';
import { GetRewind } from '../rewinds/rewind.query.js';
import { GetAuditProof } from '../seals/audit-proof.query.js';

/** Everything that core is asked over the broker. Refusals are answers; nothing is thrown over the wire. */
@Controller()
export class RequestsController {
  constructor(
    private readonly intake: CommandIntake,
    private readonly queries: QueryBus,
    private readonly leads: LeadIntake,
    private readonly intakeForms: IntakeForms,
    @Inject(SERVICE_KEYS) private readonly keys: ServiceKeys,
    @Inject(CORE_LOGGER) private readonly logger: Logger,
  ) {}

  @MessagePattern('crm.command.*')
  command(@Payload() message: unknown, @Ctx() context: NatsContext): Promise<CommandReply> {
    const name = context.getSubject().slice('crm.command.'.length);
    return this.answer(name, () => this.intake.carryOut(name, message));
  }

  @MessagePattern('crm.query.PublicKey')
  publicKey(): PublicKeyReply {
    return { ok: true, publicJwk: { ...this.keys.receiver.publicJwk } };
  }

  @MessagePattern('crm.query.ContactPoints')
  contactPoints(@Payload() message: unknown): Promise<ContactPointsReply> {
    return this.answer('ContactPoints', async () =>
      this.queries.execute(new GetContactPoints(understood(contactPointsQuerySchema, message))),
    );
  }

  @MessagePattern('crm.query.RevealedPoint')
  revealedPoint(@Payload() message: unknown): Promise<SealedReply> {
    return this.answer('RevealedPoint', async () =>
      this.queries.execute(new GetRevealedPoint(understood(revealedPointQuerySchema, message))),
    );
  }

  @MessagePattern('crm.query.LookupMatches')
  lookupMatches(@Payload() message: unknown): Promise<LookupMatches | RefusalReply> {
    return this.answer('LookupMatches', async () =>
      this.queries.execute(new GetLookupMatches(understood(lookupMatchesQuerySchema, message))),
    );
  }

  @MessagePattern('crm.query.History')
  history(@Payload() message: unknown): Promise<SealedReply> {
    return this.answer('History', async () => this.queries.execute(new GetHistory(understood(historyQuerySchema, message))));
  }

  @MessagePattern('crm.query.CardAt')
  cardAt(@Payload() message: unknown): Promise<SealedReply> {
    return this.answer('CardAt', async () => this.queries.execute(new GetCardAt(understood(cardAtQuerySchema, message))));
  }

  @MessagePattern('crm.query.Rewind')
  rewind(@Payload() message: unknown): Promise<RewindReply> {
    return this.answer('Rewind', async () => this.queries.execute(new GetRewind(understood(rewindQuerySchema, message))));
  }

  @MessagePattern('crm.query.AuditProof')
  auditProof(): Promise<AuditProofReply> {
    return this.answer('AuditProof', () => this.queries.execute(new GetAuditProof()));
  }

  @MessagePattern('crm.query.Explain')
  explain(@Payload() message: unknown): Promise<ExplainReply> {
    return this.answer('Explain', async () => this.queries.execute(new ExplainDecision(understood(explainQuerySchema, message))));
  }

  @MessagePattern('crm.query.FormSecret')
  formSecret(@Payload() message: unknown): Promise<FormSecretReply> {
    return this.answer('FormSecret', async () =>
      this.queries.execute(new GetFormSecret(understood(formSecretQuerySchema, message))),
    );
  }

  @MessagePattern('lead.forms')
  forms(@Payload() message: unknown): Promise<LeadFormsReply | RefusalReply> {
    return this.answer('lead.forms', async () => this.intakeForms.tell(understood(leadFormsQuerySchema, message)));
  }

  @MessagePattern('lead.committed')
  committed(@Payload() message: unknown): Promise<LeadCommittedReply | RefusalReply> {
    return this.answer('lead.committed', async () => {
      const { leadIds } = understood(leadCommittedQuerySchema, message);
      return { ok: true as const, committed: await this.leads.committed(leadIds) };
    });
  }

  private async answer<T>(what: string, run: () => Promise<T>): Promise<T | RefusalReply> {
    try {
      return await run();
    } catch (error) {
      if (error instanceof DomainError) return { ok: false, ...refusalOf(error) };
      this.logger.error('request failed', { what, error });
      // Whoever asks again comes to a core that knows the event.
      if (isUnavailable(error) || error instanceof UnknownEvent)
        return { ok: false, code: 'dependency-unavailable', retryAfterSeconds: 1 };
      return { ok: false, code: 'internal' };
    }
  }
}

/** A message by its schema: everything on the broker is taken as coming from anybody. */
function understood<S extends z.ZodType>(schema: S, message: unknown): z.output<S> {
  const parsed = schema.safeParse(message);
  if (!parsed.success) throw new DomainError('malformed-request');
  return parsed.data;
}
