import type { Pool } from 'pg';
import { DomainError, refuse } from '#kernel';
import type { Statement } from '#event-store';
import type { SecuritySettings } from '#contracts';
import type { DealPlace } from '../deals/domain/deal.events.js';
import type { FormFields } from '../forms/domain/form.events.js';
import type { RecordReferences } from '../records/record-references.js';
import { nextInTurn } from './domain/lead-title.js';

/** What a form says of its leads. */
export interface LeadForm extends Pick<FormFields, 'name' | 'pipelineId' | 'stageId' | 'titleTemplate' | 'assign'> {
  /** Absent in forms of the first shape. */
  readonly quarantine?: boolean;
}

export interface Terms {
  readonly formId: string;
  readonly form: LeadForm;
  readonly settings: SecuritySettings;
}

/** Who gets a lead. A turn of a department is taken in the append: `locks` and `guards` belong to it. */
export interface Responsible {
  readonly id: string | null;
  readonly locks: readonly string[];
  readonly guards: readonly Statement[];
}
const nobodyElse = (id: string | null): Responsible => ({ id, locks: [], guards: [] });

/** What leads become by their form: where the deal stands, and whose it is. */
export class LeadTerms {
  constructor(
    private readonly pool: Pool,
    private readonly references: RecordReferences,
  ) {}

  /** The form as it is, deleted too: its leads were taken while it was there. Throws `unknown-form`. */
  async of(formId: string): Promise<Terms> {
    const result = await this.pool.query<{ name: string; fields: Omit<LeadForm, 'name'>; settings: SecuritySettings }>({
      name: 'lead terms',
      text: `SELECT f.name, f.settings AS fields, s.settings FROM read.forms f, read.security s WHERE f.id = $1`,
      values: [formId],
    });
    const [row] = result.rows;
    if (row === undefined) return refuse('unknown-form');
    return { formId, form: { ...row.fields, name: row.name }, settings: row.settings };
  }

  /** The company's settings. */
  async settings(): Promise<SecuritySettings> {
    const { rows } = await this.pool.query<{ settings: SecuritySettings }>('SELECT settings FROM read.security');
    return rows[0]?.settings ?? refuse('dependency-unavailable');
  }

  /** Where the form says, or, when that stage was taken away, where deals of its pipeline start: a lead is not lost for a stage. */
  async placeFor({ pipelineId, stageId }: LeadForm): Promise<DealPlace> {
    for (const [pipeline, stage] of [
      [pipelineId, stageId],
      [pipelineId, null],
    ] as const) {
      try {
        return await this.references.resolveStage(pipeline ?? undefined, stage ?? undefined);
      } catch (error) {
        if (!(error instanceof DomainError) || error.code !== 'unknown-reference') throw error;
      }
    }
    return this.references.resolveStage(undefined, undefined);
  }

  /**
   * One person while he is active, the next active member of a department (of that department itself: those below it have forms of
   * their own), or nobody. Who is held is as absent as who is deactivated or not there yet.
   */
  async responsibleFor({ formId, form: { assign } }: Terms): Promise<Responsible> {
    if (assign === null) return nobodyElse(null);
    const [column, id] = 'userId' in assign ? ['user_id', assign.userId] : ['department_id', assign.departmentId];
    const active = await this.pool.query<{ id: string; last_id: string | null }>({
      name: `lead takers by ${column}`,
      text: `SELECT p.user_id AS id, t.user_id AS last_id FROM read.principals AS p LEFT JOIN es.form_turns AS t ON t.form_id = $2
             WHERE p.${column} = $1 AND p.status = 'active' AND NOT watch.is_held(p.user_id)`,
      values: [id, formId],
    });
    const [first] = active.rows;
    if (first === undefined || 'userId' in assign) return nobodyElse(first?.id ?? null);
    const ids = active.rows.map((row) => row.id);
    const nextId = nextInTurn(ids, first.last_id);
    const turn = { name: 'take turn', text: 'SELECT es.take_turn($1, $2, $3, $4)' };
    const values = [formId, assign.departmentId, first.last_id, nextId];
    return { id: nextId, locks: [turnLock(formId)], guards: [{ ...turn, values }] };
  }
}

/** Leads of a form that go to a department in turn wait for each other. */
export const takesTurns = ({ form }: Terms): boolean => form.assign !== null && 'departmentId' in form.assign;
/** The lock under which they do. */
export const turnLock = (formId: string): string => `form-turn:${formId}`;
