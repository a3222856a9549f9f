import { createLogger, exitOnConfigError, readConfig, stopOnSignals } from '#platform';
import { monitorConfigSchema } from './config.js';
import { startMonitor } from './monitor.js';

const STOP_WITHIN_MS = 9_000;

const config = exitOnConfigError(() => readConfig(monitorConfigSchema, process.env));
const logger = createLogger({ service: 'activity-monitor', instance: config.instance, level: config.logLevel });
const monitor = await startMonitor(config, logger);
stopOnSignals(() => monitor.stop(), STOP_WITHIN_MS, logger);
