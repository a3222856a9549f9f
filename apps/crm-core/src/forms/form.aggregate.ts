import type { Aggregate } from '../log/aggregate.js';
import { formDecider, type FormCommand, type FormState } from './domain/form.decider.js';
import { FORM_EVENT_VERSIONS, type FormEvent } from './domain/form.events.js';
import { projectForm } from './read-model/form.projection.js';

export const formAggregate: Aggregate<FormState, FormCommand, FormEvent> = {
  ...formDecider,
  category: 'form',
  sealed: false,
  eventVersions: FORM_EVENT_VERSIONS,
  project: projectForm,
};
