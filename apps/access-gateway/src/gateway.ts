import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { PROBLEMS } from '#contracts';
import { closeWithin, createHttpApp, type Logger } from '#platform';
import { AddressList } from '#policy';
import type { GatewayConfig } from './config.js';
import { GatewayModule } from './gateway.module.js';
import { buildParts, type GatewayParts } from './gateway-parts.js';
import { openingAtOnce } from './records/opening-at-once.js';
import { Records } from './records/records.js';
import { decideBeforeBodies } from './requests/request-hook.js';
import { ExportKeys } from './exports/export-keys.js';
import { FactorKey, gatewayKey } from './second-factors/factor-key.js';
import { WebhookKeys } from './webhooks/webhook-keys.js';

const CLOSE_MS = 5_000;

/** A running gateway. */
export interface Gateway {
  readonly app: NestFastifyApplication;
  readonly parts: GatewayParts;
  /** Its address, `http://host:port`. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts one gateway and returns when it listens. Broker, core and an administrator are looked for in the background. */
export async function startGateway(config: GatewayConfig, logger: Logger): Promise<Gateway> {
  const key = await gatewayKey(config.factorKey, config.keyDir);
  const keys = { factors: new FactorKey(key), exports: new ExportKeys(key), webhooks: new WebhookKeys(key) };
  const parts = buildParts(config, logger, keys);
  await parts.hasher.warmUp();
  const app = await createHttpApp(GatewayModule.forRoot(parts, logger), {
    ...{ logger, catalogue: PROBLEMS, bodyLimits: { '/v1/imports': config.imports.mostBytes } },
    metricsAnywhere: config.metricsAnywhere,
    onProblem: (problem, request) => parts.refusals.observe(problem, request),
  });
  const atOnce = openingAtOnce(parts.authentication, app.get(Records));
  decideBeforeBodies(app, parts.authentication, new AddressList(config.trustedProxies), atOnce);
  parts.routes.watch(app);
  await app.listen(config.port, config.host);
  const stopping = new AbortController();
  parts.clock.start();
  parts.cutOffs.start();
  parts.relay.start();
  parts.refusedRequests.start();
  const administrator = parts.administrator.ensure(stopping.signal);
  return {
    app,
    parts,
    url: await app.getUrl(),
    async stop() {
      stopping.abort();
      parts.clock.stop();
      await closeWithin(app, CLOSE_MS);
      await Promise.all([administrator, parts.cutOffs.stop(), parts.openStreams.stop(), parts.relay.stop()]);
      await parts.refusedRequests.stop();
      await parts.broker.close();
      await parts.database.close();
    },
  };
}
