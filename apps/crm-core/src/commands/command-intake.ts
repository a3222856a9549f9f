import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { CommandBus } from '@nestjs/cqrs';
import { DomainError, isDerivedUuid, refuse } from '#kernel';
import {
  bodyContext,
  commandEnvelopeSchema,
  SYSTEM_USER_ID,
  type AcceptedReply,
  type AuthorizationRow,
  type CommandEnvelope,
  type CommandName,
} from '#contracts';
import { openEnvelope } from '#privacy';
import { compileRights, type Principal } from '#policy';
import { parseJsonBody, storable } from '#platform';
import type { CrmLog } from '../log/crm-log.js';
import type { ServiceKeys } from '../log/service-keys.js';
import type { Authorizations } from './authorizations.js';
import { CommandBody, type CommandClass, type CommandContext } from './command-context.js';
import { requireSameBody } from './repeats.js';
import type { RunningCommands } from './running-commands.js';

/** The only command that nobody in particular may send: there is no administrator before the first. */
const SYSTEM_COMMAND: CommandName = 'CreateFirstAdministrator';

/** From a message to a command on the bus: who asks, what his rights are, whether it was carried out before. */
export class CommandIntake {
  private readonly macKey: KeyObject;

  constructor(
    private readonly bus: CommandBus,
    private readonly log: CrmLog,
    private readonly authorizations: Authorizations,
    private readonly keys: ServiceKeys,
    private readonly commands: ReadonlyMap<string, CommandClass>,
    private readonly running: RunningCommands,
    private readonly now: () => Date,
  ) {
    this.macKey = createSecretKey(keys.commandMac);
  }

  /**
   * Carries out one command. Throws a DomainError for a refusal; of one that is a repeat `idempotency-in-progress` while the first
   * runs, and `idempotency-key-reused` when it had another body.
   */
  async carryOut(name: string, message: unknown): Promise<AcceptedReply> {
    const command = this.commands.get(name);
    const envelope = commandEnvelopeSchema.safeParse(message);
    if (command === undefined || !envelope.success) return refuse('malformed-request');
    const known = name as CommandName;
    const { commandId } = envelope.data;
    // A fresh id has no first. One made of an Idempotency-Key is held before its first is looked for: what ends meanwhile is found.
    if (!isDerivedUuid(commandId)) return this.execute(known, command, envelope.data, () => Promise.resolve(undefined));
    const held = this.running.hold(commandId);
    held.catch(() => undefined);
    try {
      return await this.execute(known, command, envelope.data, async (bodyMac) => {
        const isHeld = (await held) !== undefined;
        const first = await this.log.findCommand(commandId);
        if (first === undefined) return isHeld ? undefined : refuse('idempotency-in-progress');
        requireSameBody(first, bodyMac);
        return first.outcome as AcceptedReply;
      });
    } finally {
      void held.then(
        (release) => release?.(),
        () => undefined,
      );
    }
  }

  private async execute(
    name: CommandName,
    command: CommandClass,
    envelope: CommandEnvelope,
    firstOutcome: (bodyMac: string) => Promise<AcceptedReply | undefined>,
  ): Promise<AcceptedReply> {
    const [raw, authorized] = await Promise.all([this.openBody(name, envelope), this.authorized(name, envelope)]);
    const bodyMac = this.macOf(name, envelope, raw);
    const first = await firstOutcome(bodyMac);
    if (first !== undefined) return first;
    const { body: _sealed, mediaType, ...rest } = envelope;
    const context: CommandContext = {
      ...rest,
      ...authorized,
      name,
      at: this.now().toISOString(),
      bodyMac,
      body: new CommandBody(() => storable(parseJsonBody(raw, mediaType ?? undefined)), raw.length > 0),
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
    return createHmac('sha256', this.macKey)
      .update(JSON.stringify([name, targetId, partId]))
      .update(raw)
      .digest('hex');
  }
}
