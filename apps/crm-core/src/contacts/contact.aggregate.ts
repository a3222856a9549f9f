import type { Aggregate } from '../log/aggregate.js';
import { unchanged, withoutCustomFields } from '../records/domain/record.upcasters.js';
import { contactDecider, type ContactCommand, type ContactState } from './domain/contact.decider.js';
import { CONTACT_EVENT_VERSIONS, type ContactEvent } from './domain/contact.events.js';
import { projectContact } from './read-model/contact.projection.js';

export const contactAggregate: Aggregate<ContactState, ContactCommand, ContactEvent> = {
  ...contactDecider,
  category: 'contact',
  sealed: true,
  eventVersions: CONTACT_EVENT_VERSIONS,
  erasedBy: 'ContactErased',
  upcasters: { ContactCreated: { 1: withoutCustomFields }, ContactChanged: { 1: unchanged } },
  changedBy: 'ContactChanged',
  project: projectContact,
};
