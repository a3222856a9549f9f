import { type DynamicModule, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { randomUUIDv7 } from 'node:crypto';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError } from '#kernel';
import { AllowedMethods } from './allowed-methods.js';
import { nestLogger, type Logger } from './logging.js';
import { ProblemFilter, problemOf, routeOf, type Problem, type ProblemCatalogue } from './problem-responses.js';

export interface HttpAppOptions {
  readonly logger: Logger;
  readonly catalogue: ProblemCatalogue;
  /** Bytes of a request body; more is 413. Default 1 MiB. */
  readonly bodyLimit?: number;
  /** Bytes of a body at routes that take more, by their URL. */
  readonly bodyLimits?: Readonly<Record<string, number>>;
  /** The addresses of proxies whose X-Forwarded-For is believed; none by default. */
  readonly trustProxy?: false | string[];
  /** `/metrics` is answered to anybody who reaches the port, and not to this machine alone. */
  readonly metricsAnywhere?: boolean;
  /** Told of every problem before it is answered; must not throw. */
  readonly onProblem?: (problem: Problem, request: FastifyRequest) => void;
}

const DEFAULT_BODY_LIMIT = 1_048_576;
const KEEP_ALIVE_MS = 65_000;
const SWEEP_INTERVAL_MS = 50;
/** A request whose headers and body take longer to arrive is ended. */
const REQUEST_TIMEOUT_MS = 30_000;

/** Sent with every answer: it is data of persons, for the caller alone, and never a document to run (OWASP REST cheat sheet). */
const ANSWER_HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
};

/**
 * A Nest application on Fastify as every service has it: bodies stay raw Buffers (`request.body`, see `parseJsonBody`) of whatever
 * media type, so that rights are decided before bodies are judged; errors are problems; each request has an id of its own
 * (`request.id`, answered as `x-request-id`; a client's is not believed). Not yet listening.
 */
export async function createHttpApp(module: Type | DynamicModule, options: HttpAppOptions): Promise<NestFastifyApplication> {
  const filter = new ProblemFilter(options.catalogue, options.logger, options.onProblem);
  const adapter = new FastifyAdapter(fastifyInstance(options, filter));
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: nestLogger(options.logger),
    bodyParser: false,
    abortOnError: false,
    forceCloseConnections: false,
  });
  app.useGlobalFilters(filter);
  return app;
}

function fastifyInstance(options: HttpAppOptions, filter: ProblemFilter): FastifyInstance {
  const instance = fastify({
    logger: false,
    disableRequestLogging: true,
    genReqId: () => randomUUIDv7(),
    requestIdHeader: false,
    bodyLimit: options.bodyLimit ?? DEFAULT_BODY_LIMIT,
    trustProxy: options.trustProxy ?? false,
    exposeHeadRoutes: false,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Node would refuse it without a problem; see `refuseWithoutHost`.
    http: { requireHostHeader: false },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
      answerHeaders(request, reply);
      filter.answer(error, request, reply);
    },
    clientErrorHandler: (_error: unknown, socket: Socket) => {
      if (socket.writable) socket.end(answerToNoRequest(options.catalogue));
    },
  } as Parameters<typeof fastify>[0]) as unknown as FastifyInstance;
  instance.decorate('metricsAnywhere', options.metricsAnywhere === true);
  keepBodiesRaw(instance);
  refuseWithoutHost(instance);
  instance.addHook('onRoute', (route) => {
    const limit = options.bodyLimits?.[route.url];
    if (limit !== undefined) route.bodyLimit = limit;
  });
  refuseOtherMethods(instance);
  instance.addHook('onResponse', (request, reply, done) => {
    const fields = {
      requestId: request.id,
      method: request.method,
      route: routeOf(request),
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
    };
    options.logger.debug('request', fields);
    done();
  });
  return instance;
}

/** What is no request of HTTP at all, or has more headers than Node reads (16 KiB), reaches no route: its answer is written by hand. */
function answerToNoRequest(catalogue: ProblemCatalogue): string {
  const requestId = randomUUIDv7();
  const body = JSON.stringify(problemOf(new DomainError('malformed-request'), catalogue, requestId));
  const headers = {
    ...ANSWER_HEADERS,
    'x-request-id': requestId,
    'content-type': 'application/problem+json',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 400 Bad Request\r\n${lines.join('')}\r\n${body}`;
}

function answerHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.headers(ANSWER_HEADERS);
  reply.header('x-request-id', request.id);
}

type WithMediaType = FastifyRequest & { declaredMediaType?: string | undefined };

/**
 * Fastify would refuse a missing or broken media type before any right is looked at; so it is shown one type for all. A body under a
 * Content-Encoding has none that anybody here reads: the encoding is not undone.
 */
function keepBodiesRaw(instance: FastifyInstance): void {
  instance.decorateRequest('declaredMediaType', undefined);
  instance.removeAllContentTypeParsers();
  instance.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  instance.addHook('onRequest', (request, reply, done) => {
    answerHeaders(request, reply);
    const encoding = request.headers['content-encoding'] ?? 'identity';
    (request as WithMediaType).declaredMediaType = encoding === 'identity' ? request.headers['content-type'] : undefined;
    if (request.headers['content-type'] !== undefined) request.headers['content-type'] = 'application/octet-stream';
    done();
  });
}

/** A request of HTTP/1.1 names its host (RFC 9112, section 3.2). */
function refuseWithoutHost(instance: FastifyInstance): void {
  instance.addHook('onRequest', (request, _reply, done) => {
    const isNamed = request.raw.httpVersion === '1.0' || request.headers.host !== undefined;
    done(isNamed ? undefined : new DomainError('malformed-request'));
  });
}

/** What the client named as the body's media type, to be given to `parseJsonBody`. */
export function mediaTypeOf(request: FastifyRequest): string | undefined {
  return (request as WithMediaType).declaredMediaType;
}

function refuseOtherMethods(instance: FastifyInstance): void {
  const allowed = new AllowedMethods();
  instance.addHook('onRoute', (route) => allowed.add(route.url, [route.method].flat()));
  instance.addHook('onRequest', (request, reply, done) => {
    const methods = request.is404 ? allowed.of(request.url) : [];
    if (methods.length === 0) return done();
    reply.header('allow', methods.join(', '));
    done(new DomainError('method-not-allowed'));
  });
}

/** Takes no more requests, finishes those in flight and closes, within `ms`; then what is still open (live streams) is cut. */
export async function closeWithin(app: NestFastifyApplication, ms: number): Promise<void> {
  const server = app.getHttpServer();
  const limit = new AbortController();
  const closed = app.close().then(
    () => true,
    () => true,
  );
  // A connection whose last answer left after the close began would wait out its keep-alive time.
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_INTERVAL_MS);
  const done = await Promise.race([closed, sleep(ms, false, { signal: limit.signal }).catch(() => true)]);
  limit.abort();
  clearInterval(sweep);
  if (!done) server.closeAllConnections();
}

/** Runs `stop` once on SIGTERM or SIGINT and ends the process: code 0, or 1 when it threw or took longer than `ms`. */
export function stopOnSignals(stop: () => Promise<void>, ms: number, logger: Logger): void {
  let stopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    logger.info('stopping', { signal });
    const limit = setTimeout(() => process.exit(1), ms);
    stop().then(
      () => {
        clearTimeout(limit);
        process.exit(0);
      },
      (error: unknown) => {
        logger.error('stopping failed', { error });
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}
