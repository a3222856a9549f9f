import { Controller, Get, Inject, Module, Req, Res, type DynamicModule } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { refuse } from '#kernel';
import type { Broker } from '#messaging';
import { metricsRegistry } from './metrics.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** Decorated by `createHttpApp`. */
    metricsAnywhere: boolean;
  }
}

const CHECK_LIMIT_MS = 500;

/** Resolves when the thing is up, rejects when it is not. Given 500 ms. */
export type HealthCheck = () => Promise<unknown>;
/** By name, such as `database` and `broker`. */
export type HealthChecks = Readonly<Record<string, HealthCheck>>;

/** `degraded`: something is down that service goes on without. */
export interface Readiness {
  readonly status: 'ready' | 'degraded' | 'not-ready';
  readonly checks: Readonly<Record<string, 'up' | 'down'>>;
}

/** Runs all checks side by side, each within 500 ms. What is `dispensable` is told, and never makes the service not ready. */
export async function readiness(needed: HealthChecks, dispensable: HealthChecks = {}): Promise<Readiness> {
  const [own, others] = await Promise.all([statesOf(needed), statesOf(dispensable)]);
  const isDown = (states: Readiness['checks']): boolean => Object.values(states).includes('down');
  const status = isDown(own) ? 'not-ready' : isDown(others) ? 'degraded' : 'ready';
  return { status, checks: { ...own, ...others } };
}

async function statesOf(checks: HealthChecks): Promise<Readiness['checks']> {
  const states = Object.entries(checks).map(async ([name, check]) => [name, (await isUp(check)) ? 'up' : 'down'] as const);
  return Object.fromEntries(await Promise.all(states));
}

async function isUp(check: HealthCheck): Promise<boolean> {
  const limit = new AbortController();
  const answer = Promise.resolve()
    .then(check)
    .then(
      () => true,
      () => false,
    );
  const up = await Promise.race([answer, sleep(CHECK_LIMIT_MS, false, { signal: limit.signal }).catch(() => false)]);
  limit.abort();
  return up;
}

/** The database answers a query. */
export function databaseCheck(pool: pg.Pool): HealthCheck {
  return () => pool.query('SELECT 1');
}

/** The broker answers a ping. */
export function brokerCheck(broker: Broker): HealthCheck {
  return () => broker.roundTripMs(CHECK_LIMIT_MS);
}

const HEALTH_CHECKS = Symbol('health checks');
const DISPENSABLE_CHECKS = Symbol('checks of what service goes on without');

@Controller()
class HealthController {
  constructor(
    @Inject(HEALTH_CHECKS) private readonly checks: HealthChecks,
    @Inject(DISPENSABLE_CHECKS) private readonly dispensable: HealthChecks,
  ) {}

  @Get('/health/live')
  live(): { status: 'live' } {
    return { status: 'live' };
  }

  @Get('/health/ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<Readiness> {
    const result = await readiness(this.checks, this.dispensable);
    reply.status(result.status === 'not-ready' ? 503 : 200);
    if (result.status === 'not-ready') reply.header('retry-after', '1');
    return result;
  }

  @Get('/metrics')
  async metrics(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    if (!request.server.metricsAnywhere && !isFromThisMachine(request)) refuse('not-found');
    reply.type(metricsRegistry.contentType);
    return metricsRegistry.metrics();
  }
}

/** What proxies add, each in its own way; none of it is believed. */
const FORWARDING_HEADERS = ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip', 'x-forwarded-host', 'x-forwarded-proto'];

/** By the socket's own address: a proxy on this machine must not open the metrics to its clients, so no forwarded one either. */
function isFromThisMachine({ socket, headers }: FastifyRequest): boolean {
  return isLoopback(socket.remoteAddress) && FORWARDING_HEADERS.every((name) => headers[name] === undefined);
}

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(::1|(::ffff:)?127\.\d+\.\d+\.\d+)$/.test(address);
}

/** `GET /health/live`, `/health/ready` and `/metrics`. */
@Module({})
export class HealthModule {
  static forRoot(checks: HealthChecks, dispensable: HealthChecks = {}): DynamicModule {
    return {
      module: HealthModule,
      controllers: [HealthController],
      providers: [
        { provide: HEALTH_CHECKS, useValue: checks },
        { provide: DISPENSABLE_CHECKS, useValue: dispensable },
      ],
    };
  }
}
