import type { Aggregate } from '../log/aggregate.js';
import { unchanged, withoutCustomFields } from '../records/domain/record.upcasters.js';
import { dealDecider, type DealCommand, type DealState } from './domain/deal.decider.js';
import { DEAL_EVENT_VERSIONS, type DealEvent } from './domain/deal.events.js';
import { projectDeal } from './read-model/deal.projection.js';

export const dealAggregate: Aggregate<DealState, DealCommand, DealEvent> = {
  ...dealDecider,
  category: 'deal',
  sealed: true,
  eventVersions: DEAL_EVENT_VERSIONS,
  erasedBy: 'DealErased',
  upcasters: { DealCreated: { 1: withoutCustomFields }, DealChanged: { 1: unchanged } },
  changedBy: 'DealChanged',
  project: projectDeal,
};
