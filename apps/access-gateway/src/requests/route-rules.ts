import { FASTIFY_ROUTE_CONFIG_METADATA } from '@nestjs/platform-fastify/constants.js';
import type { ActionOf, RecordType, Subject } from '#policy';
import type { OperationDescription } from '../openapi/operation-description.js';
import type { Scope } from './scopes.js';

/** What stands beside a route and is decided before its body is read. It travels in Fastify's route config. */
export interface RouteRules {
  readonly isPublic?: boolean;
  /** `any`: every live token; absent: no token at all. */
  readonly scope?: Scope | 'any';
  /** The coarse right: held at any level but forbidden. */
  readonly right?: { readonly subject: string; readonly action: string };
  /** In place of scope and right: one of these pairs at least. */
  readonly anyOf?: ReadonlyArray<{
    readonly scope: Scope;
    readonly right: { readonly subject: string; readonly action: string };
  }>;
  readonly servedByGate?: boolean;
  /** Opens the card of the record that `:id` names: token and card may be looked at in one statement (ADR 39). */
  readonly opens?: RecordType;
  /** Reached also by a session whose owner has yet to set up the second factor that a role of his requires. */
  readonly withoutSecondFactor?: boolean;
  readonly operation?: OperationDescription;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    rules?: RouteRules;
  }
}

/** Decorators of one handler add up; Nest's own RouteConfig would replace what another one said. */
export function addRules(rules: RouteRules): MethodDecorator {
  return (_target, _name, descriptor) => {
    const handler = descriptor.value as object;
    const config = (Reflect.getMetadata(FASTIFY_ROUTE_CONFIG_METADATA, handler) ?? {}) as { rules?: RouteRules };
    Reflect.defineMetadata(FASTIFY_ROUTE_CONFIG_METADATA, { ...config, rules: { ...config.rules, ...rules } }, handler);
  };
}

/** Reached without signing in. Everything else needs a live session or token. */
export const Public = (): MethodDecorator => addRules({ isPublic: true });

/** API tokens reach the route with this scope: 403 `scope-missing` otherwise. Without it tokens do not reach the route. */
export const RequiresScope = (scope: Scope): MethodDecorator => addRules({ scope });

/** Every live API token reaches the route. */
export const AnyScope = (): MethodDecorator => addRules({ scope: 'any' });

/** 403 `forbidden` before the body is read when the person holds the right at no level at all. */
export const RequiresRight = <S extends Subject>(subject: S, action: ActionOf<S>): MethodDecorator =>
  addRules({ right: { subject, action } });

/** Reached by whoever holds one of these rights at some level, in an API token one whose scope it has. */
export const RequiresAnyOf = (anyOf: NonNullable<RouteRules['anyOf']>): MethodDecorator => addRules({ anyOf });

/** Opens or lists records: a held person comes through with `who.held`, so that the gate refuses him in its own words. */
export const ServedByGate = (): MethodDecorator => addRules({ servedByGate: true });

/** Opens the card that `:id` names. */
export const OpensCard = (opens: RecordType): MethodDecorator => addRules({ opens });

/** Where a required second factor is set up, and little else: a session without one reaches the route. */
export const WithoutSecondFactor = (): MethodDecorator => addRules({ withoutSecondFactor: true });
