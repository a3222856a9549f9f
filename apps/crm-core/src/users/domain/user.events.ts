import type { Measure } from '#contracts';
import type { WeakenedRight } from '../../authz/weakened-rights.js';

/** A person of the company. His name and e-mail are in clear in log and read models, never in logs or on the broker. */
export interface UserFields {
  readonly email: string;
  readonly name: string;
  readonly roleIds: readonly string[];
  readonly departmentId: string | null;
  readonly isAdmin: boolean;
}

export type DeactivationCause =
  | { readonly kind: 'administrator'; readonly reason: string }
  | {
      readonly kind: 'limit';
      readonly deactivationId: string;
      readonly measure: Measure;
      readonly window: 'hour' | 'day';
      readonly max: number;
      readonly count: number;
    };

/** What the person comes to see with his roles and his department. */
interface Weakening {
  readonly weakened: readonly WeakenedRight[];
}

export type UserEvent =
  | { readonly type: 'UserCreated'; readonly data: UserFields & Weakening }
  /** As created, but nobody can sign in yet: the person has an invitation, no password. */
  | { readonly type: 'UserInvited'; readonly data: UserFields & Weakening }
  /** The person has a password now. `status`: his standing from here on. */
  | { readonly type: 'UserActivated'; readonly data: { readonly status: 'active' | 'deactivated' } }
  | { readonly type: 'UserChanged'; readonly data: Partial<UserFields> & Weakening }
  | { readonly type: 'UserDeactivated'; readonly data: { readonly epoch: number; readonly cause: DeactivationCause } }
  | {
      readonly type: 'UserReactivated';
      /**
       * `since`: when the epoch begins, by the database's clock, the one that limits use (ISO 8601 UTC, microseconds). `status`: a
       * person who never had a password is invited again, not active.
       */
      readonly data: {
        readonly epoch: number;
        readonly since: string;
        readonly reason: string;
        readonly status: 'active' | 'invited';
      };
    };

/** The version of each shape. A changed shape gets the next number and an upcaster. */
export const USER_EVENT_VERSIONS = {
  UserCreated: 2,
  UserInvited: 2,
  UserActivated: 1,
  UserChanged: 2,
  UserDeactivated: 1,
  UserReactivated: 3,
} as const;
