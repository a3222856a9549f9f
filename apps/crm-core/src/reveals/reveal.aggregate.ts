import { Secret } from '#kernel';
import type { Aggregate, Upcaster } from '../log/aggregate.js';
import {
  REVEAL_EVENT_VERSIONS,
  revealDecider,
  type RevealCommand,
  type RevealEvent,
  type RevealState,
} from './domain/reveal.decider.js';
import { projectReveal } from './read-model/reveal.projection.js';

/** Reasons of before stand in the log in clear, with their numbers masked; whoever reads them treats them as the others. */
const withSecretReason: Upcaster = (data) => ({ ...data, reason: new Secret(data['reason']) });

/** Ids, and why, sealed with a key of the reveal's own: it ends with the person (ADR 41). */
export const revealAggregate: Aggregate<RevealState, RevealCommand, RevealEvent> = {
  ...revealDecider,
  category: 'reveal',
  sealed: true,
  eventVersions: REVEAL_EVENT_VERSIONS,
  erasedBy: 'RevealErased',
  upcasters: { PhoneRevealed: { 1: withSecretReason }, EmailRevealed: { 1: withSecretReason } },
  project: projectReveal,
};
