export { Secret } from './secret.js';
export { DomainError, assertNever, refuse, refuseField, type FieldError } from './domain-error.js';
export { fold, type Decider, type DomainEvent } from './decider.js';
export { isInstant } from './instants.js';
export { earliestIdOf, isDerivedUuid, isUuid, uuidFromDigest } from './ids.js';
