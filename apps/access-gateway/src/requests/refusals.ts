import type { FastifyRequest } from 'fastify';
import { routeOf, type Logger, type Problem } from '#platform';
import type { AuditTrail } from '../accounts/audit-trail.js';
import type { RefusedRequests } from './refused-requests.js';

/** Written down elsewhere already, as `address.refused`. */
const NOTED_ELSEWHERE = 'ip-not-allowed';
const FORBIDDEN = 403;
const NOT_FOUND = 404;

/** A refusal of somebody who is signed in. `action`: method and template of the route; never the address that was called. */
export interface Refusal {
  readonly actorId: string;
  readonly ip: string | null;
  readonly code: string;
  readonly action: string | null;
}

/** Counts what people were refused, and writes it to the audit trail. It never fails: a refusal stays what it was, whatever becomes of its note. */
export class Refusals {
  constructor(
    private readonly audit: AuditTrail,
    private readonly logger: Logger,
    private readonly counts: Pick<RefusedRequests, 'count'>,
  ) {}

  async note({ actorId, ip, code, action }: Refusal): Promise<void> {
    this.counts.count(actorId);
    try {
      await this.audit.noteOften('request.refused', { actorId, ip, details: { code, action } });
    } catch (error) {
      this.logger.error('a refusal was not written down', { code, error });
    }
  }

  /** For every answer that is a problem: notes a 403 of somebody whom the request hook let in, counts a 404. */
  observe(problem: Problem, request: FastifyRequest): void {
    if ((problem.status !== FORBIDDEN && problem.status !== NOT_FOUND) || problem.code === NOTED_ELSEWHERE) return;
    // Decorated by the request hook; what is refused before that is nobody's.
    const who = request.who as FastifyRequest['who'] | undefined;
    if (who === null || who === undefined) return;
    if (problem.status === NOT_FOUND) return this.counts.count(who.principal.userId);
    void this.note({ actorId: who.principal.userId, ip: who.ip, code: problem.code, action: actionOf(request) });
  }
}

/** Method and route pattern, as the audit trail names what was refused: no id of the path, no query. */
export function actionOf(request: FastifyRequest): string {
  return `${request.method} ${routeOf(request)}`;
}
