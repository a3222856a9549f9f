import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { DomainError, type FieldError } from '#kernel';
import { mediaTypeOf, parseJsonBody, storable } from '#platform';

/** A body as it came over the wire; nothing of it has been judged. */
export interface SentBody {
  /** Undefined when there is none, or an empty one. */
  readonly bytes: Buffer | undefined;
  readonly mediaType: string | undefined;
}

/** The body of a request, unread; see `SentBody`. */
export function sentBody(request: FastifyRequest): SentBody {
  const { body } = request;
  return { bytes: Buffer.isBuffer(body) && body.length > 0 ? body : undefined, mediaType: mediaTypeOf(request) };
}

/** The raw body and its media type: `@Sent() sent: SentBody`. */
export const Sent = createParamDecorator((_: unknown, context: ExecutionContext): SentBody =>
  sentBody(context.switchToHttp().getRequest<FastifyRequest>()),
);

/** The JSON of a body. Throws `unsupported-media-type` and `malformed-body`. */
export function parseJson(sent: SentBody): unknown {
  return parseJsonBody(sent.bytes, sent.mediaType);
}

/** `parseJson` of what can be stored, then the schema. Throws `validation-failed` naming the fields; never quotes a value. */
export function readJson<T extends z.ZodType>(sent: SentBody, schema: T): z.output<T> {
  return validated(storable(parseJson(sent)), schema);
}

/** What the schema makes of an input, or `validation-failed` that names what is wrong where. */
export function validated<T extends z.ZodType>(input: unknown, schema: T): z.output<T> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw new DomainError('validation-failed', { errors: result.error.issues.slice(0, MOST_ERRORS).map(fieldError) });
}

const MOST_ERRORS = 100;
const MESSAGES: Record<string, string> = {
  invalid_type: 'Wrong type, or missing.',
  too_big: 'Too long or too large.',
  too_small: 'Too short or too small.',
  invalid_format: 'Wrong format.',
  invalid_value: 'Not one of the allowed values.',
  invalid_union: 'None of the allowed forms.',
};

function fieldError(issue: z.core.$ZodIssue): FieldError {
  const path = issue.path.map(plainKey).join('.');
  // The names of unknown fields are the caller's own text and could hold anything: only their number is told.
  if (issue.code === 'unrecognized_keys') {
    return { path, code: 'unknown-field', message: `Unknown fields: ${issue.keys.length}.` };
  }
  return { path, code: issue.code.replaceAll('_', '-'), message: MESSAGES[issue.code] ?? 'The value is not valid here.' };
}

function plainKey(key: PropertyKey): string {
  const text = String(key);
  return /^[A-Za-z0-9_-]{1,40}$/.test(text) ? text : '*';
}
