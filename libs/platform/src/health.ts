import { Controller, Get, Inject, Module, Req, Res, type DynamicModule } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { refuse } from '#kernel';
import type { Broker } from '#messaging';
import { createHttpApp, emptyModule, type HttpAppOptions } from './http-app.js';
import { metricsRegistry } from './metrics.js';

const CHECK_LIMIT_MS = 500;

/** Resolves when the thing is up, rejects when it is not. Given 500 ms. */
export type HealthCheck = () => Promise<unknown>;
/** By name, such as `database` and `broker`. */
export type HealthChecks = Readonly<Record<string, HealthCheck>>;

export interface Readiness {
  readonly status: 'ready' | 'not-ready';
  readonly checks: Readonly<Record<string, 'up' | 'down'>>;
}

/** Runs all checks side by side, each within 500 ms. */
export async function readiness(checks: HealthChecks): Promise<Readiness> {
  const results = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => [name, (await isUp(check)) ? 'up' : 'down'] as const),
  );
  return { status: results.every(([, state]) => state === 'up') ? 'ready' : 'not-ready', checks: Object.fromEntries(results) };
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

@Controller()
class HealthController {
  constructor(@Inject(HEALTH_CHECKS) private readonly checks: HealthChecks) {}

  @Get('/health/live')
  live(): { status: 'live' } {
    return { status: 'live' };
  }

  @Get('/health/ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<Readiness> {
    const result = await readiness(this.checks);
    reply.status(result.status === 'ready' ? 200 : 503);
    if (result.status !== 'ready') reply.header('retry-after', '1');
    return result;
  }

  @Get('/metrics')
  async metrics(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    // The socket's own address: a proxy on this machine must not open the metrics to its clients, so no forwarded one either.
    if (!isLoopback(request.socket.remoteAddress) || request.headers['x-forwarded-for'] !== undefined) refuse('not-found');
    reply.type(metricsRegistry.contentType);
    return metricsRegistry.metrics();
  }
}

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(::1|(::ffff:)?127\.\d+\.\d+\.\d+)$/.test(address);
}

/** `GET /health/live`, `/health/ready` and `/metrics`. */
@Module({})
export class HealthModule {
  static forRoot(checks: HealthChecks): DynamicModule {
    return { module: HealthModule, controllers: [HealthController], providers: [{ provide: HEALTH_CHECKS, useValue: checks }] };
  }
}

/** Health and metrics alone, listening, for services without a public API. Port 0 takes a free one (`app.getUrl()`). */
export async function startHealthServer(
  address: { readonly port: number; readonly host: string },
  checks: HealthChecks,
  options: HttpAppOptions,
): Promise<NestFastifyApplication> {
  const app = await createHttpApp(emptyModule([HealthModule.forRoot(checks)]), options);
  await app.listen(address.port, address.host);
  return app;
}
