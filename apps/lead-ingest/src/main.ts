import 'reflect-metadata';
import { createLogger, exitOnConfigError, readConfig, stopOnSignals } from '#platform';
import { configSchema } from './config.js';
import { startLeadIngest } from './lead-ingest.js';

const STOP_LIMIT_MS = 10_000;

const config = exitOnConfigError(() => readConfig(configSchema, process.env));
const logger = createLogger({
  service: 'lead-ingest',
  instance: config.PALISADE_SERVICE_INSTANCE,
  level: config.PALISADE_LOG_LEVEL,
});
try {
  const ingest = await startLeadIngest(config, logger);
  stopOnSignals(() => ingest.stop(), STOP_LIMIT_MS, logger);
  ingest.spool.onBroken(() => {
    logger.fatal('the spool broke down; starting anew is the way to open it again');
    process.exit(1);
  });
  logger.info('listening', { url: ingest.url });
} catch (error) {
  logger.fatal('lead-ingest did not start', { error });
  process.exit(1);
}
