import { createHash, randomUUIDv7 } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import {
  bodyContext,
  SUBJECTS,
  type AcceptedReply,
  type Caller,
  type CommandEnvelope,
  type CommandName,
  type CommandReply,
  type PublicKeyReply,
  type RefusalReply,
} from '#contracts';
import { DomainError, uuidFromDigest } from '#kernel';
import { request, type Broker } from '#messaging';
import { EnvelopeSender, toPublicJwk, type PublicJwk } from '#privacy';

/** Commands and queries take so long at most, unless told; then it is not known whether the command was done. */
const DEADLINE_MS = 5_000;

/** Who gives a command: all that core is told of a `Who`. */
export interface CommandSender {
  readonly requestId: string;
  readonly caller: Caller;
}

/** A command as a route gives it. */
export interface CoreRequest {
  /** The record, user, role or department of the path. */
  readonly targetId?: string;
  readonly partId?: string;
  /** From If-Match. */
  readonly expectedVersion?: number;
  readonly idempotencyKey?: string;
  /** The body as sent; core judges it after the rights. */
  readonly rawBody?: Buffer;
  readonly mediaType?: string;
  /** The kinds of records that the caller's API token is for, where an answer is about several. */
  readonly among?: readonly ('contact' | 'company')[];
  /** Set where the id must be known beforehand; otherwise made of the Idempotency-Key, or fresh. */
  readonly commandId?: string;
  /** Milliseconds to wait for the outcome. */
  readonly deadlineMs?: number;
}

/** A command with its body sealed before, under this command id. */
export interface SealedCommand {
  readonly commandId: string;
  readonly targetId: string;
  readonly body: string;
  readonly deadlineMs: number;
}

/** Asks crm-core over NATS. Bodies are sealed to core's key, so the broker carries ids only. */
@Injectable()
export class CoreClient {
  readonly #broker: Broker;
  readonly #sender = new EnvelopeSender();
  #publicKey: Promise<PublicJwk> | undefined;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /**
   * Gives a command and waits for its outcome. Throws the DomainError that core refused with, `dependency-unavailable` when
   * broker or core does not answer within 5 s (or as told): then it may have been done, and a repeat under the same Idempotency-Key tells.
   */
  async command(name: CommandName, who: CommandSender, asked: CoreRequest): Promise<AcceptedReply> {
    const commandId = asked.commandId ?? commandIdOf(name, who.caller.userId, asked);
    try {
      return await this.#send(name, who, asked, commandId);
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'unknown-key') throw error;
      this.#publicKey = undefined;
      return this.#send(name, who, asked, commandId);
    }
  }

  /**
   * Asks `crm.query.<name>`; refusals are thrown as for commands. The answer is what the contract says of this query and is
   * believed as core's.
   */
  async query<Reply extends { readonly ok: true }>(name: string, payload: object): Promise<Reply> {
    return accepted(await request<Reply | RefusalReply>(this.#broker, SUBJECTS.query(name), payload, { timeoutMs: DEADLINE_MS }));
  }

  /** A body for a command that is sent later, as often as needed (`sendSealed`): core alone can open it, under this id. */
  sealBody(name: CommandName, commandId: string, body: Buffer): Promise<string> {
    return this.#seal(body, bodyContext(name, commandId));
  }

  /** Gives a command whose body was sealed before. Throws as `command`, and `unknown-key` when core has other keys now. */
  async sendSealed<Reply extends AcceptedReply>(name: CommandName, who: CommandSender, sealed: SealedCommand): Promise<Reply> {
    const { commandId, targetId, body, deadlineMs } = sealed;
    const envelope: CommandEnvelope = {
      ...{ commandId, targetId, body, requestId: who.requestId, caller: who.caller },
      ...{ partId: null, expectedVersion: null, mediaType: 'application/json' },
    };
    const subject = SUBJECTS.command(name);
    return accepted(await request<Reply | RefusalReply>(this.#broker, subject, envelope, { timeoutMs: deadlineMs }));
  }

  async #send(name: CommandName, who: CommandSender, asked: CoreRequest, commandId: string): Promise<AcceptedReply> {
    const envelope: CommandEnvelope = {
      commandId,
      requestId: who.requestId,
      caller: who.caller,
      targetId: asked.targetId ?? null,
      partId: asked.partId ?? null,
      expectedVersion: asked.expectedVersion ?? null,
      mediaType: asked.mediaType ?? null,
      ...(asked.among === undefined ? {} : { among: [...asked.among] }),
      body: asked.rawBody === undefined ? null : await this.#seal(asked.rawBody, bodyContext(name, commandId)),
    };
    return accepted(
      await request<CommandReply>(this.#broker, SUBJECTS.command(name), envelope, {
        timeoutMs: asked.deadlineMs ?? DEADLINE_MS,
      }),
    );
  }

  async #seal(body: Buffer, context: string): Promise<string> {
    this.#publicKey ??= this.query<PublicKeyReply>('PublicKey', {}).then((reply) => toPublicJwk(reply.publicJwk));
    const asked = this.#publicKey;
    try {
      return this.#sender.seal(await asked, body, context);
    } catch (error) {
      if (this.#publicKey === asked) this.#publicKey = undefined;
      throw error;
    }
  }
}

/**
 * The id under which core remembers a command: of person, route (command and the ids of its path) and Idempotency-Key, so that
 * a repeat is the same command; without a key a fresh UUIDv7.
 */
export function commandIdOf(
  name: CommandName,
  userId: string,
  asked: Pick<CoreRequest, 'targetId' | 'partId' | 'idempotencyKey'>,
): string {
  if (asked.idempotencyKey === undefined) return randomUUIDv7();
  const parts = [userId, name, asked.targetId ?? null, asked.partId ?? null, asked.idempotencyKey];
  return uuidFromDigest(createHash('sha256').update(JSON.stringify(parts)).digest());
}

function accepted<Reply extends { readonly ok: true }>(reply: Reply | RefusalReply): Reply {
  if (reply.ok) return reply;
  const { code, detail, errors, retryAfterSeconds } = reply;
  throw new DomainError(code, {
    ...(detail === undefined ? {} : { detail }),
    ...(errors === undefined ? {} : { errors }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}
