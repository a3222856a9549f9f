import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { AuthorizationRow, Caller } from '#contracts';
import { DomainError } from '#kernel';
import type { Principal } from '#policy';

/**
 * Who asks, as decided before the body was read: the token is live, the address is allowed, the scope and the coarse right
 * of the route are held. Valid for this request only.
 */
export interface Who {
  readonly requestId: string;
  /** What core and the gate are told. */
  readonly caller: Caller;
  readonly sessionId: string | null;
  readonly tokenId: string | null;
  /** The session was shown by the browser's cookie. */
  readonly byCookie: boolean;
  /** Null for a session: it is not limited by scopes. */
  readonly scopes: ReadonlySet<string> | null;
  /** The client's address, canonical (RFC 5952 for IPv6). */
  readonly ip: string;
  readonly principal: Principal;
  readonly authorization: AuthorizationRow;
  /** A hold stands against the person. Only routes marked `@ServedByGate()` are reached then; the gate refuses them. */
  readonly held: boolean;
}

declare module 'fastify' {
  interface FastifyRequest {
    who: Who | null;
    /** The client's canonical address; null when it cannot be told, which every check takes as a refusal. */
    clientAddress: string | null;
  }
}

/** The `Who` of the request. Throws `unauthenticated` on a public route reached without one. */
export const CurrentWho = createParamDecorator((_: unknown, context: ExecutionContext): Who => {
  const { who } = context.switchToHttp().getRequest<FastifyRequest>();
  if (who === null) throw new DomainError('unauthenticated');
  return who;
});

/** The client's canonical address, for public routes. Throws `ip-not-allowed` when it cannot be told. */
export const ClientAddress = createParamDecorator((_: unknown, context: ExecutionContext): string => {
  const { clientAddress } = context.switchToHttp().getRequest<FastifyRequest>();
  if (clientAddress === null) throw new DomainError('ip-not-allowed');
  return clientAddress;
});

/** The request's id, as it stands in problem answers and in the events that the request causes. */
export const RequestId = createParamDecorator(
  (_: unknown, context: ExecutionContext): string => context.switchToHttp().getRequest<FastifyRequest>().id,
);

export {
  AnyScope,
  OpensCard,
  Public,
  RequiresAnyOf,
  RequiresRight,
  RequiresScope,
  ServedByGate,
  WithoutSecondFactor,
} from './route-rules.js';
