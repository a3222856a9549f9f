import type { Aggregate } from '../log/aggregate.js';
import { customFieldDecider, type CustomFieldCommand, type CustomFieldState } from './domain/custom-field.decider.js';
import { CUSTOM_FIELD_EVENT_VERSIONS, type CustomFieldEvent } from './domain/custom-field.events.js';
import { projectCustomField } from './read-model/custom-field.projection.js';

/** Not sealed: a definition holds nothing of a customer, and numbers in its words are masked for good. */
export const customFieldAggregate: Aggregate<CustomFieldState, CustomFieldCommand, CustomFieldEvent> = {
  ...customFieldDecider,
  category: 'custom-field',
  sealed: false,
  eventVersions: CUSTOM_FIELD_EVENT_VERSIONS,
  project: projectCustomField,
};
