import type { Pool } from 'pg';
import { refuseField } from '#kernel';
import type { RecordReferences } from '../records/record-references.js';
import type { FormFields } from './domain/form.events.js';

/** What a form refers to exists. Throws `unknown-reference` or `responsible-inactive`. */
export class FormReferences {
  constructor(
    private readonly pool: Pool,
    private readonly references: RecordReferences,
  ) {}

  async require({ pipelineId, stageId, assign }: Pick<FormFields, 'pipelineId' | 'stageId' | 'assign'>): Promise<void> {
    if (pipelineId !== null || stageId !== null) {
      await this.references.resolveStage(pipelineId ?? undefined, stageId ?? undefined);
    }
    if (assign !== null && 'userId' in assign) await this.references.requireActive(assign.userId);
    if (assign !== null && 'departmentId' in assign) {
      const found = await this.pool.query('SELECT 1 FROM read.departments WHERE id = $1', [assign.departmentId]);
      if (found.rowCount === 0) refuseField('unknown-reference', 'assign.departmentId', 'No such department');
    }
  }
}
