import type { Pool } from 'pg';
import { refuse, refuseField } from '#kernel';
import type { Statement } from '#event-store';
import { decide, type Principal, type RecordType } from '#policy';
import type { KnownField } from './domain/custom-values.js';

const TABLES: Record<RecordType, string> = { contact: 'read.contacts', company: 'read.companies', deal: 'read.deals' };

/** Looks up what a command refers to, in the read models that core itself keeps in step with the log. */
export class RecordReferences {
  constructor(private readonly pool: Pool) {}

  /** Every id names a live record of the type that the principal may see, or `not-found`. */
  async requireVisible(principal: Principal, type: RecordType, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const unique = [...new Set(ids)];
    const result = await this.pool.query<{ responsible_id: string | null }>({
      name: `visible ${type}`,
      text: `SELECT responsible_id FROM ${TABLES[type]} WHERE id = ANY($1::uuid[]) AND deleted_at IS NULL`,
      values: [unique],
    });
    const visible = result.rows.filter((row) => decide(principal, type, 'view', { responsibleId: row.responsible_id }).allowed);
    if (visible.length !== unique.length) refuse('not-found');
  }

  /**
   * What an append holds on to that links these contacts: their locks, and a guard that raises when one of them is gone. Run the
   * append in `keepingContacts`.
   */
  keepingContacts(ids: readonly string[]): { readonly locks: readonly string[]; readonly guards: readonly Statement[] } {
    const guard = { name: 'require live contacts', text: 'SELECT read.require_live_contacts($1::uuid[])', values: [ids] };
    return { locks: ids.map((id) => `contact-${id}`), guards: [guard] };
  }

  /** The person is active, or `responsible-inactive`. */
  async requireActive(userId: string): Promise<void> {
    const result = await this.pool.query({
      name: 'active person',
      text: `SELECT 1 FROM read.principals WHERE user_id = $1 AND status = 'active'`,
      values: [userId],
    });
    if (result.rowCount === 0) refuseField('responsible-inactive', 'responsibleId', 'Name an active person');
  }

  /** The fields that records of the type have beyond the built-in ones. */
  async customFields(type: RecordType): Promise<readonly KnownField[]> {
    const result = await this.pool.query<KnownField>({
      name: 'custom fields',
      text: 'SELECT id, name, type, choices FROM read.custom_fields WHERE record_type = $1',
      values: [type],
    });
    return result.rows;
  }

  /** The pipeline and stage to use: those named, or the first. Throws `unknown-reference`. */
  async resolveStage(
    pipelineId: string | undefined,
    stageId: string | undefined,
  ): Promise<{ pipelineId: string; stageId: string }> {
    const result = await this.pool.query<{ id: string; stages: { id: string }[] }>({
      name: 'pipelines',
      text: 'SELECT id, stages FROM read.pipelines ORDER BY position, id',
    });
    const owning = stageId === undefined ? undefined : result.rows.find(({ stages }) => stages.some(({ id }) => id === stageId));
    const pipeline = pipelineId === undefined ? (owning ?? result.rows[0]) : result.rows.find(({ id }) => id === pipelineId);
    if (pipeline === undefined) return refuseField('unknown-reference', 'pipelineId', 'No such pipeline');
    const stage = stageId === undefined ? pipeline.stages[0] : pipeline.stages.find(({ id }) => id === stageId);
    if (stage === undefined) return refuseField('unknown-reference', 'stageId', 'No such stage in this pipeline');
    return { pipelineId: pipeline.id, stageId: stage.id };
  }
}

/** Runs an append that links contacts. Throws `not-found` when one of them was hidden or erased meanwhile. */
export async function keepingContacts<T>(append: () => Promise<T>): Promise<T> {
  try {
    return await append();
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code === 'PA019') return refuse('not-found');
    throw error;
  }
}
