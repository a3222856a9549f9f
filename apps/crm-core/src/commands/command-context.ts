import { z } from 'zod';
import { DomainError, refuseField, type FieldError } from '#kernel';
import type { EventMetadata } from '#event-store';
import type { AuthorizationRow, Caller, CommandName } from '#contracts';
import type { Principal } from '#policy';
import { findsNumber, maskText } from '#privacy';

/** The body of a command: judged only when asked for, after the rights. */
export class CommandBody {
  private isJudged = false;

  /** `isSent`: there are bytes, whatever they say. */
  constructor(
    private readonly read: () => unknown,
    private readonly isSent = false,
  ) {}

  /**
   * The body by a schema. Throws `malformed-body`, `unsupported-media-type`, or `validation-failed` with every field that is wrong
   * and none of its values.
   */
  parse<S extends z.ZodType>(schema: S): z.output<S> {
    this.isJudged = true;
    const parsed = schema.safeParse(this.read());
    if (parsed.success) return parsed.data;
    throw new DomainError('validation-failed', { errors: parsed.error.issues.map(fieldError) });
  }

  /**
   * For a command that took nothing from its body: then the body says nothing, or `{}`. Throws as `parse`; whoever sent more thinks that it
   * counts.
   */
  requireNothingUnread(): void {
    if (this.isSent && !this.isJudged) this.parse(NOTHING);
  }
}

const NOTHING = z.strictObject({});

function fieldError(issue: z.core.$ZodIssue): FieldError {
  const path = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    // The names of unknown fields are the client's own text and could hold anything: only their number is told.
    return { path, code: 'unknown-field', message: `${issue.keys.length} unknown field(s)` };
  }
  return { path, code: issue.code.replaceAll('_', '-'), message: MESSAGES[issue.code] ?? 'Invalid value' };
}

const MESSAGES: Record<string, string> = {
  invalid_type: 'Wrong type, or missing',
  too_big: 'Too long or too large',
  too_small: 'Too short or too small',
  invalid_format: 'Wrong format',
  invalid_value: 'Not one of the allowed values',
  invalid_union: 'None of the allowed forms',
};

/** Everything a handler knows of the command beside its body. `at` is the command's time (ISO 8601 UTC): rules have no clock. */
export interface CommandContext {
  readonly name: CommandName;
  readonly commandId: string;
  readonly requestId: string;
  readonly caller: Caller;
  readonly targetId: string | null;
  readonly partId: string | null;
  readonly expectedVersion: number | null;
  /** The kinds of records that the caller's API token is for; absent: all. */
  readonly among?: readonly ('contact' | 'company')[] | undefined;
  readonly at: string;
  readonly principal: Principal;
  readonly authorization: AuthorizationRow;
  readonly body: CommandBody;
  /** HMAC of name, target and body, hexadecimal. */
  readonly bodyMac: string;
}

/** A command on the `@nestjs/cqrs` bus: a class for each name, all with the same content. */
export abstract class CrmCommand {
  constructor(readonly context: CommandContext) {}
}
export type CommandClass = new (context: CommandContext) => CrmCommand;

/** Who and what the events of a command go back to. */
export function metadataOf(context: CommandContext): EventMetadata {
  return {
    actorId: context.caller.userId,
    sessionId: context.caller.sessionId,
    tokenId: context.caller.tokenId,
    ip: context.caller.ip,
    commandId: context.commandId,
    correlationId: context.requestId,
    causationId: null,
    at: context.at,
  };
}

/**
 * A text that is kept without being sealed (a reason, the name of a role): numbers and e-mails in it are masked for good, for
 * nobody needs them there.
 */
export function unsealedText(context: CommandContext, text: string): string {
  return maskText(text.normalize('NFC'), context.authorization.settings.defaultRegion);
}

/** Throws `validation-failed` for a text that is kept as it is (a URL) and holds a number or an e-mail. */
export function refuseNumber(context: CommandContext, path: string, text: string): void {
  if (findsNumber(text, context.authorization.settings.defaultRegion))
    refuseField('validation-failed', path, 'It holds a telephone number or an e-mail address');
}

/** The id in the path of the route. Its absence is a fault of the gateway, not of the client. */
export function targetOf(context: CommandContext): string {
  if (context.targetId === null) throw new Error(`${context.name} needs a target`);
  return context.targetId;
}

/** The second id in the path of the route, likewise. */
export function partOf(context: CommandContext): string {
  if (context.partId === null) throw new Error(`${context.name} needs a part`);
  return context.partId;
}
