/**
 * The second door of this lib (`#platform/base`): settings and errors, without HTTP, query builder and broker. A tool that runs for
 * seconds does not load for one.
 */
export { exitOnConfigError, readConfig, setting } from './config.js';
export { reduceError } from './error-reduction.js';
