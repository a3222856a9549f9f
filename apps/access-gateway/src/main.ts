import 'reflect-metadata';
import { createLogger, exitOnConfigError, readConfig, stopOnSignals } from '#platform';
import { gatewayConfigSchema } from './config.js';
import { startGateway } from './gateway.js';

const STOP_MS = 10_000;

const config = exitOnConfigError(() => readConfig(gatewayConfigSchema, process.env));
const logger = createLogger({ service: 'access-gateway', instance: config.instance, level: config.logLevel });
try {
  const gateway = await startGateway(config, logger);
  stopOnSignals(() => gateway.stop(), STOP_MS, logger);
  logger.info('listening', { url: gateway.url });
} catch (error) {
  logger.fatal('the gateway did not start', { error });
  process.exit(1);
}
