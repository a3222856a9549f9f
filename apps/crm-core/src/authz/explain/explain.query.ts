import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { Pool } from 'pg';
import { refuse, refuseField } from '#kernel';
import type { ExplainQuery, ExplainReply } from '#contracts';
import { allows, isActionOf } from '#policy';
import { AGGREGATES } from '../../aggregates.js';
import type { Authorizations } from '../../commands/authorizations.js';
import type { CrmLog } from '../../log/crm-log.js';
import type { RecordState } from '../../records/domain/record.decider.js';
import { readAccount, readCompany } from '../company.js';
import { explain, type RecordThen, type Situation } from './explanation.js';
import { Past } from './past.js';

export class ExplainDecision extends Query<ExplainReply> {
  constructor(readonly request: ExplainQuery) {
    super();
  }
}

/** What a decision is made of, gathered now from what routes and commands go by, or for a moment of the past from the log. */
export class Situations {
  private readonly past: Past;

  constructor(
    private readonly log: CrmLog,
    private readonly pool: Pool,
    private readonly authorizations: Authorizations,
  ) {
    this.past = new Past(log);
  }

  /** Throws `unauthenticated`; `forbidden` for those without `audit.view`: it tells of records that the asker may not see. */
  async requireReader(userId: string): Promise<void> {
    const loaded = await this.authorizations.load(userId);
    if (loaded === undefined || loaded.authorization.status !== 'active') return refuse('unauthenticated');
    if (!allows(loaded.principal, 'audit', 'view')) refuse('forbidden');
  }

  /** Throws `not-found` for a person or a record that never was. */
  at(asked: ExplainQuery): Promise<Situation> {
    return asked.at === null ? this.live(asked) : this.logged(asked, asked.at);
  }

  private async live({ userId, recordType, recordId }: ExplainQuery): Promise<Situation> {
    const loaded = await this.authorizations.load(userId);
    const aggregate = AGGREGATES.get(recordType);
    if (loaded === undefined || aggregate === undefined) return refuse('not-found');
    const { state, version } = await this.log.load(aggregate, recordId);
    if (version === 0) return refuse('not-found');
    const record = recordOf(state);
    const [account, company, isHeld, responsible] = await Promise.all([
      readAccount(this.pool, userId),
      readCompany(this.pool),
      this.isHeld(userId),
      record.responsibleId === null ? undefined : this.authorizations.load(record.responsibleId),
    ]);
    const { status } = loaded.authorization;
    const standing = status === 'active' && isHeld ? 'held' : status;
    const responsibleDepartmentId = responsible?.authorization.departmentId ?? null;
    return { principal: loaded.principal, standing, account, company, record, responsibleDepartmentId };
  }

  /** Not named `then`: Nest awaits what it provides, and would take this for a promise. */
  private async logged({ userId, recordType, recordId }: ExplainQuery, at: string): Promise<Situation> {
    const aggregate = AGGREGATES.get(recordType);
    if (aggregate === undefined) return refuse('not-found');
    const state = await this.past.stateAt(aggregate, recordId, at);
    if (state === undefined) return refuse('not-found');
    const record = recordOf(state);
    const person = await this.past.personAt(userId, record.responsibleId, at);
    return person === undefined ? refuse('not-found') : { ...person, record };
  }

  private async isHeld(userId: string): Promise<boolean> {
    const { rows } = await this.pool.query<{ held: boolean }>('SELECT watch.is_held($1) AS held', [userId]);
    return rows[0]?.held !== false;
  }
}

function recordOf(state: unknown): RecordThen {
  const record = state as RecordState<unknown>;
  return record.phase === 'none' ? { phase: 'none', responsibleId: null } : record;
}

@QueryHandler(ExplainDecision)
export class ExplainDecisionHandler implements IQueryHandler<ExplainDecision, ExplainReply> {
  constructor(private readonly situations: Situations) {}

  async execute({ request }: ExplainDecision): Promise<ExplainReply> {
    await this.situations.requireReader(request.caller.userId);
    const { recordType, action } = request;
    if (!isActionOf(recordType, action)) return refuseField('validation-failed', 'action', 'No such action of this record type');
    return { ok: true, ...explain(await this.situations.at(request), recordType, action) };
  }
}
