export { freePort } from '../../../deploy/src/servers/free-port.js';
export { testDatabase, type TemplateKind, type TestDatabase } from './databases.js';
export { isolatedBroker, natsProgram, type BrokerAccess, type IsolatedBroker } from './brokers.js';
export { CONNECT_PATIENTLY, testPool } from './test-pool.js';
export { isolatedPostgres, type IsolatedPostgres } from './isolated-postgres.js';
export { startSystem, System, type SystemOptions } from './system.js';
export { EventStream, HttpClient, type HttpAnswer, type HttpRequest, type ServerSentEvent } from './http-client.js';
export { refusedRequests, type Effect } from './refusals.js';
export { eventually, until } from './waiting.js';
