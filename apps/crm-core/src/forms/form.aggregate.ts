import type { Aggregate } from '../log/aggregate.js';
import type { Decider, Secret } from '#kernel';
import { formDecider, type FormCommand, type FormState } from './domain/form.decider.js';
import {
  FIRST_SHAPE_FIELDS,
  FORM_EVENT_VERSIONS,
  FORM_SECRET_EVENT_VERSIONS,
  type FormEvent,
  type FormSecretEvent,
} from './domain/form.events.js';
import { projectForm } from './read-model/form.projection.js';

export const formAggregate: Aggregate<FormState, FormCommand, FormEvent> = {
  ...formDecider,
  category: 'form',
  sealed: false,
  eventVersions: FORM_EVENT_VERSIONS,
  upcasters: {
    FormCreated: { 1: (data) => ({ ...FIRST_SHAPE_FIELDS, ...data }) },
    FormChanged: { 1: (data) => data },
  },
  project: projectForm,
};

interface SecretState {
  readonly secret: Secret<string> | null;
}
type SecretCommand = { readonly type: 'set'; readonly secret: Secret<string>; readonly generated: boolean };

const formSecretDecider: Decider<SecretState, SecretCommand, FormSecretEvent> = {
  initialState: { secret: null },
  decide: ({ secret, generated }) => [{ type: 'FormSecretSet', data: { secret, generated } }],
  evolve: (_, event): SecretState => ({ secret: event.data.secret }),
};

/** Apart from the form, whose own events are in clear, and in no read model. */
export const formSecretAggregate: Aggregate<SecretState, SecretCommand, FormSecretEvent> = {
  ...formSecretDecider,
  category: 'form-secret',
  sealed: true,
  eventVersions: FORM_SECRET_EVENT_VERSIONS,
  project: () => [],
};
