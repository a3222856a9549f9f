import { createHmac, timingSafeEqual } from 'node:crypto';
import type { CommandBus } from '@nestjs/cqrs';
import { DomainError, refuse } from '#kernel';
import {
  bodyContext,
  commandEnvelopeSchema,
  type AcceptedReply,
  type AuthorizationRow,
  type CommandEnvelope,
  type CommandName,
} from '#contracts';
import { openEnvelope } from '#privacy';
import { compileRights, type Principal } from '#policy';
import { parseJsonBody } from '#platform';
import type { CrmLog } from '../log/crm-log.js';
import type { ServiceKeys } from '../log/service-keys.js';
import { SYSTEM_USER_ID } from '../users/domain/system-user.js';
import type { Authorizations } from './authorizations.js';
import { CommandBody, type CommandClass, type CommandContext } from './command-context.js';

/** The only command that nobody in particular may send: there is no administrator before the first. */
const SYSTEM_COMMAND: CommandName = 'CreateFirstAdministrator';

/** From a message to a command on the bus: who asks, what his rights are, whether it was carried out before. */
export class CommandIntake {
  constructor(
    private readonly bus: CommandBus,
    private readonly log: CrmLog,
    private readonly authorizations: Authorizations,
    private readonly keys: ServiceKeys,
    private readonly commands: ReadonlyMap<string, CommandClass>,
    private readonly now: () => Date,
  ) {}

  /** Carries out one command. Throws a DomainError for a refusal. */
  async carryOut(name: string, message: unknown): Promise<AcceptedReply> {
    const command = this.commands.get(name);
    const envelope = commandEnvelopeSchema.safeParse(message);
    if (command === undefined || !envelope.success) return refuse('malformed-request');
    const known = name as CommandName;
    const [raw, authorized, first] = await Promise.all([
      this.openBody(known, envelope.data),
      this.authorized(known, envelope.data),
      this.log.findCommand(envelope.data.commandId),
    ]);
    const bodyMac = this.macOf(known, envelope.data, raw);
    if (first !== undefined) {
      if (!timingSafeEqual(Buffer.from(first.mac, 'hex'), Buffer.from(bodyMac, 'hex'))) refuse('idempotency-key-reused');
      return first.outcome as AcceptedReply;
    }
    const { body: _sealed, mediaType, ...rest } = envelope.data;
    const context: CommandContext = {
      ...rest,
      ...authorized,
      name: known,
      at: this.now().toISOString(),
      bodyMac,
      body: new CommandBody(() => parseJsonBody(raw, mediaType ?? undefined)),
    };
    return this.bus.execute(new command(context));
  }

  private async openBody(name: CommandName, { body, commandId }: CommandEnvelope): Promise<Buffer> {
    if (body === null) return Buffer.alloc(0);
    try {
      return Buffer.from(await openEnvelope(this.keys.receiver.privateKey, body, bodyContext(name, commandId)));
    } catch {
      throw new DomainError('unknown-key');
    }
  }

  private async authorized(
    name: CommandName,
    { caller, targetId }: CommandEnvelope,
  ): Promise<{ authorization: AuthorizationRow; principal: Principal }> {
    if (caller.userId === SYSTEM_USER_ID) {
      if (name !== SYSTEM_COMMAND) refuse('unauthenticated');
      const rights = compileRights({ isAdmin: false, roles: [], roleIds: [] });
      const principal = { userId: SYSTEM_USER_ID, isAdmin: false, rights, groupUserIds: new Set<string>() };
      return { principal, authorization: {} as AuthorizationRow };
    }
    const loaded = await this.authorizations.load(caller.userId);
    const status = loaded?.authorization.status;
    // Whoever takes his invitation up becomes active by it; the gateway has seen the invitation.
    const isTakingUp = name === 'ActivateUser' && status === 'invited' && targetId === caller.userId;
    if (loaded === undefined || (status !== 'active' && !isTakingUp)) return refuse('unauthenticated');
    return loaded;
  }

  /** Covers what makes two requests the same: command, target and body. */
  private macOf(name: CommandName, { targetId, partId }: CommandEnvelope, raw: Buffer): string {
    return createHmac('sha256', this.keys.commandMac)
      .update(JSON.stringify([name, targetId, partId]))
      .update(raw)
      .digest('hex');
  }
}
