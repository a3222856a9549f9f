export { Broker, connectBroker, reasonOf, startBroker, type BrokerLog, type BrokerOptions } from './broker.js';
export { reconnecting } from './reconnecting.js';
export { refusalOf, request, type Refusal } from './request.js';
export { ServiceRequests } from './service-requests.js';
export { publishFact, publishFacts, type Published, type PublishFactsOptions, type PublishOptions } from './publish.js';
export { lastMessageId, provisionStreams, type ProvisionedStream, type StreamDefinition } from './streams.js';
export { consumeFacts, type ConsumeOptions, type Consumption } from './consume.js';
export {
  followFacts,
  type BatchContext,
  type FollowFactsOptions,
  type Following,
  type FollowOptions,
  type StreamPosition,
} from './follow.js';
export type { Fact, OutgoingFact } from './fact.js';
