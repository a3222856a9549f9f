export { Batches, type BatchWork } from './batches.js';
export { ConfigError, exitOnConfigError, readConfig, setting, type LogLevel } from './config.js';
export { DatabaseClock } from './database-clock.js';
export { createPool, databaseUnavailable, isUnavailable, kyselyOf, type PoolOptions } from './database.js';
export { reduceError, type ReducedError } from './error-reduction.js';
export { brokerCheck, databaseCheck, HealthModule, type HealthCheck, type HealthChecks, type Readiness } from './health.js';
export { closeWithin, createHttpApp, mediaTypeOf, stopOnSignals, type HttpAppOptions } from './http-app.js';
export { parseJsonBody, storable } from './json-body.js';
export { holdLeadership, type Leadership, type LeadershipOptions } from './leadership.js';
export { brokerLog, createLogger, type LogFields, type Logger, type LoggerOptions } from './logging.js';
export { metricsRegistry } from './metrics.js';
export { migrationMain, runMigrations, type MigrationOptions } from './migrations.js';
export { targetFault, type TargetFault } from './post-target.js';
export {
  ProblemFilter,
  refusalFor,
  routeOf,
  type Problem,
  type ProblemCatalogue,
  type ProblemEntry,
} from './problem-responses.js';
export { Remembered, type RememberedLimits } from './remembered.js';
export { restFor } from './rest.js';
export { post, PostFailed, signatureOf, type PostFault, type PostOptions } from './signed-post.js';
