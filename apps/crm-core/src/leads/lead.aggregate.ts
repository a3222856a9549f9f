import type { Aggregate, Upcaster } from '../log/aggregate.js';
import { unchanged } from '../records/domain/record.upcasters.js';
import { leadDecider, type LeadCommand, type LeadState } from './domain/lead.decider.js';
import { LEAD_EVENT_VERSIONS, type LeadEvent } from './domain/lead.events.js';
import { projectLead } from './read-model/lead.projection.js';

/** Leads taken before duplicates were noted name none. */
const withoutDuplicates: Upcaster = (data) => ({ ...data, possibleDuplicates: [] });

export const leadAggregate: Aggregate<LeadState, LeadCommand, LeadEvent> = {
  ...leadDecider,
  category: 'lead',
  sealed: true,
  eventVersions: LEAD_EVENT_VERSIONS,
  erasedBy: 'LeadErased',
  upcasters: { LeadAccepted: { 1: withoutDuplicates }, LeadErased: { 1: unchanged } },
  project: projectLead,
};
