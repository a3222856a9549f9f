import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { DomainError } from '#kernel';
import { parseIfMatch } from './if-match.js';
import { sentBody } from './sent-body.js';

/** What a request says to the command it becomes, ready to be spread into `CoreClient.command`. */
export interface CommandRequest {
  readonly expectedVersion?: number;
  readonly idempotencyKey?: string;
  readonly rawBody?: Buffer;
  readonly mediaType?: string;
}

/** Reads body, If-Match and, on a POST, Idempotency-Key. Throws `malformed-request` on headers that cannot be read. */
export function commandRequest(request: FastifyRequest): CommandRequest {
  const expectedVersion = parseIfMatch(request.headers['if-match']);
  const idempotencyKey = request.method === 'POST' ? parseIdempotencyKey(request.headers['idempotency-key']) : undefined;
  const { bytes, mediaType } = sentBody(request);
  return {
    ...(expectedVersion === undefined ? {} : { expectedVersion }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    ...(bytes === undefined ? {} : { rawBody: bytes }),
    ...(mediaType === undefined ? {} : { mediaType }),
  };
}

/** 1 to 255 visible characters. Throws `malformed-request` otherwise. */
export function parseIdempotencyKey(header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header !== 'string' || !/^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/.test(header)) {
    throw new DomainError('malformed-request', { detail: 'Idempotency-Key takes 1 to 255 printable characters.' });
  }
  return header;
}

/** The request as a command: `@AsCommand() request: CommandRequest`. */
export const AsCommand = createParamDecorator((_: unknown, context: ExecutionContext): CommandRequest =>
  commandRequest(context.switchToHttp().getRequest<FastifyRequest>()),
);
