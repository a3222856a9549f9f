import type { FastifyRequest } from 'fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { AddressList } from '#policy';
import { clientAddress } from '../addresses/client-address.js';
import type { Arrival, Authentication } from './authentication.js';
import { actionOf } from './refusals.js';
import type { Who } from './request-context.js';
import type { RouteRules } from './route-rules.js';

/** Operations: the platform's own routes, which carry no rules. */
const OPERATIONS: ReadonlySet<string> = new Set(['/health/live', '/health/ready', '/metrics']);

/**
 * Work that looks at the token itself, in its own statement. Resolves with who asked when it is done, and with null when nothing was done and
 * nothing told of the token: then it is decided about as ever.
 */
export type DoneAtOnce = (request: FastifyRequest, arrival: Arrival) => Promise<Who | null>;

/**
 * Decides about every request before its body is read: 401 and 403 come before 400, 413, 415 and 422. Every route that does not
 * say that it is public needs a live token. Call it before the application listens.
 */
export function decideBeforeBodies(
  app: NestFastifyApplication,
  authentication: Authentication,
  trustedProxies: AddressList,
  doneAtOnce: DoneAtOnce,
): void {
  const instance = app.getHttpAdapter().getInstance();
  instance.decorateRequest('who', null);
  instance.decorateRequest('clientAddress', null);
  instance.addHook('onRequest', async (request) => {
    request.clientAddress = clientAddress(request.socket.remoteAddress, request.headers['x-forwarded-for'], trustedProxies);
    if (request.is404) return;
    const { url } = request.routeOptions;
    const rules: RouteRules = request.routeOptions.config.rules ?? {};
    if (rules.isPublic === true || (url !== undefined && OPERATIONS.has(url))) return;
    const arrival: Arrival = {
      requestId: request.id,
      method: request.method,
      headers: request.headers,
      ip: request.clientAddress,
      rules,
      action: actionOf(request),
    };
    request.who =
      (rules.opens === undefined ? null : await doneAtOnce(request, arrival)) ?? (await authentication.authenticate(arrival));
  });
}
