import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { RouteRules } from '../requests/route-rules.js';

/** A route as Fastify runs it. */
export interface CataloguedRoute {
  readonly method: string;
  /** With `:name` segments. */
  readonly url: string;
  readonly rules: RouteRules;
}

/** The routes that run, as the OpenAPI document is made of them: what is not here is not served. */
export class RouteCatalogue {
  readonly #routes: CataloguedRoute[] = [];

  /** Call it before the application listens: Fastify tells of routes while they are registered. */
  watch(app: NestFastifyApplication): void {
    app
      .getHttpAdapter()
      .getInstance()
      .addHook('onRoute', ({ method, url, config }) => {
        for (const one of [method].flat()) this.#routes.push({ method: one, url, rules: config?.rules ?? {} });
      });
  }

  get routes(): readonly CataloguedRoute[] {
    return this.#routes;
  }
}
