import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from '#kernel';
import { isUnavailable, databaseUnavailable } from './database.js';
import type { Logger } from './logging.js';

/** How a code is shown over HTTP. */
export interface ProblemEntry {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
}

/**
 * Every code that may leave a service. The codes `not-found`, `method-not-allowed`, `body-too-large`, `unsupported-media-type`,
 * `malformed-body`, `malformed-request`, `dependency-unavailable` and `internal` are given by the platform itself.
 */
export type ProblemCatalogue = Readonly<Record<string, ProblemEntry>>;

/** A body of `application/problem+json` (RFC 9457). */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly requestId: string;
  readonly errors?: DomainError['options']['errors'];
}

/** Codes of Fastify (its reference, "Errors") whose reason lies in the request. */
const FASTIFY_CODES: Readonly<Record<string, string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body-too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed-body',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed-body',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed-body',
  FST_ERR_BAD_URL: 'not-found',
  FST_ERR_MAX_PARAM_LENGTH: 'not-found',
  FST_ERR_NOT_FOUND: 'not-found',
};
const STATUS_CODES: Readonly<Record<number, string>> = {
  400: 'malformed-body',
  404: 'not-found',
  405: 'method-not-allowed',
  413: 'body-too-large',
  414: 'not-found',
  415: 'unsupported-media-type',
  503: 'dependency-unavailable',
};
const INTERNAL: ProblemEntry = {
  status: 500,
  title: 'Internal error',
  detail: 'The service failed. The request id is in its log.',
};

/** The refusal that stands for anything thrown: its own, that of an absent database, that of the framework, or `internal`. */
export function refusalFor(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  if (isUnavailable(error)) return databaseUnavailable();
  const code = (error as { code?: unknown } | null)?.code;
  const known = typeof code === 'string' ? FASTIFY_CODES[code] : undefined;
  if (known !== undefined) return new DomainError(known);
  return new DomainError((error instanceof HttpException ? STATUS_CODES[error.getStatus()] : undefined) ?? 'internal');
}

/** The problem of a refusal. A code that the catalogue does not have becomes `internal`, with nothing of the refusal. */
export function problemOf(refusal: DomainError, catalogue: ProblemCatalogue, requestId: string): Problem {
  const entry = Object.hasOwn(catalogue, refusal.code) ? catalogue[refusal.code] : undefined;
  if (entry === undefined) {
    return { type: 'about:blank', ...(catalogue['internal'] ?? INTERNAL), code: 'internal', requestId };
  }
  const { detail, errors } = refusal.options;
  return {
    type: 'about:blank',
    title: entry.title,
    status: entry.status,
    detail: detail ?? entry.detail,
    code: refusal.code,
    requestId,
    ...(errors === undefined ? {} : { errors }),
  };
}

/** Answers whatever is thrown with a problem; what is not a refusal is logged, reduced, and shown as `internal`. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly catalogue: ProblemCatalogue,
    private readonly logger: Logger,
    private readonly onProblem: (problem: Problem, request: FastifyRequest) => void = () => undefined,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  /** Also for errors that arise before Nest has the request. */
  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const refusal = refusalFor(error);
    const problem = problemOf(refusal, this.catalogue, request.id);
    this.onProblem(problem, request);
    if (problem.status >= 500) {
      const fields = { requestId: request.id, method: request.method, route: routeOf(request), code: problem.code, error };
      if (problem.code === 'internal') this.logger.error('request failed', fields);
      else this.logger.warn('request refused', fields);
    }
    // A stream that is under way cannot become a problem any more: end it, so that nobody takes it for complete.
    if (reply.sent || reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    const retryAfter = refusal.options.retryAfterSeconds ?? (problem.status === 429 || problem.status === 503 ? 1 : undefined);
    if (retryAfter !== undefined && problem.code !== 'internal')
      reply.header('retry-after', String(Math.max(1, Math.ceil(retryAfter))));
    if (problem.code === 'unauthenticated') reply.header('www-authenticate', 'Bearer');
    reply.header('cache-control', 'no-store');
    reply.status(problem.status).type('application/problem+json').serializer(JSON.stringify).send(problem);
  }
}

/** The template of a route, such as `/v1/contacts/:id`: the only form of a URL that may be logged. */
export function routeOf(request: FastifyRequest): string {
  return request.routeOptions?.url ?? '(none)';
}
