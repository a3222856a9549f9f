import {
  admitEachStatement,
  admitStatement,
  inOrder,
  type Asking,
  type GateAnswer,
  type GateStatement,
  type PlacedAnswer,
} from '#contracts';
import { DomainError, refuse } from '#kernel';
import { Batches } from '#platform';
import type { GatewayDatabase } from '../database/gateway-database.js';
import type { Who } from '../requests/request-context.js';

export type Admission = GateAnswer;

/** The gate for what was read before: who asks while others are on their way is admitted with them (ADR 31). */
export function gateOf(database: GatewayDatabase): Batches<Asking, Admission> {
  const query = ({ name, text, values }: GateStatement): Promise<PlacedAnswer[]> =>
    database.query<PlacedAnswer & Record<string, unknown>>(name, text, values);
  return new Batches<Asking, Admission>({
    alone: async (asked) => {
      const [answer] = await query(admitStatement(asked));
      if (answer === undefined) throw new Error('the gate gave no answer');
      return answer;
    },
    together: async (asked) => inOrder(asked, await query(admitEachStatement(asked))),
    withinMs: database.answerWithinMs,
    // Pages are many rows: larger batches cost less than waiting for the one before.
    atOnce: 1,
  });
}

/** The values of `watch.admit` after the subjects: whose request it is and from where. */
export function gateValues(who: Who): readonly unknown[] {
  return [who.requestId, who.sessionId, who.tokenId, who.ip];
}

/** Rights changed since this request was authorised; what was decided by the old ones is not answered. */
export class RightsChanged extends DomainError {
  constructor() {
    super('dependency-unavailable', { retryAfterSeconds: 1 });
  }
}

/**
 * Lets an admitted disclosure pass. Throws `view-limit-reached` on a refusal, `unauthenticated` for a person who is not active (any
 * more), and `RightsChanged` when rights changed since this request was authorised.
 */
export function requireAdmitted(who: Who, admission: Admission | undefined): void {
  if (admission === undefined) throw new Error('the gate gave no answer');
  requireSameRights(who, admission.authz_version);
  if (admission.decision === 'admitted') return;
  refuse(admission.decision === 'inactive' ? 'unauthenticated' : 'view-limit-reached');
}

/** Throws `RightsChanged` when a statement saw another authz version than this request was authorised under. */
export function requireSameRights(who: Who, authzVersion: number | undefined): void {
  if (authzVersion !== who.authorization.authzVersion) throw new RightsChanged();
}

/** How often a read is decided anew while rights go on changing. */
const ATTEMPTS = 3;

/**
 * Reads, and decides anew by the rights of now when they changed on the way: the gate takes the same request id for the same
 * disclosure. `recheck` throws when the person may not even ask any more.
 */
export async function byPresentRights<T>(
  who: Who,
  recheck: (who: Who) => Promise<Who>,
  read: (who: Who) => Promise<T>,
): Promise<T> {
  for (let present = who, attempt = 1; ; attempt += 1) {
    try {
      return await read(present);
    } catch (error) {
      if (!(error instanceof RightsChanged) || attempt === ATTEMPTS) throw error;
      present = await recheck(present);
    }
  }
}
