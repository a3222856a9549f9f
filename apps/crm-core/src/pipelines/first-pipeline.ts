import { SYSTEM_USER_ID } from '#contracts';
import { CommandRepeated, VersionConflict } from '#event-store';
import { streamChange, type CrmLog } from '../log/crm-log.js';
import type { PipelineFields } from './domain/pipeline.events.js';
import { pipelineAggregate } from './pipeline.aggregate.js';

/** Fixed, so that cores that start at the same time mean the same pipeline. UUIDv8, as RFC 9562 leaves them to the application. */
export const FIRST_PIPELINE_ID = '00000000-0000-8000-8000-000000000100';
const COMMAND_ID = '00000000-0000-8000-8000-0000000001ff';
/** MAC of the command record: there is no body, and a repeat is told by the id alone. */
const COMMAND_MAC = '00';

export const FIRST_PIPELINE: PipelineFields = {
  name: 'Sales',
  stages: [
    { id: '00000000-0000-8000-8000-000000000101', name: 'New' },
    { id: '00000000-0000-8000-8000-000000000102', name: 'In progress' },
    { id: '00000000-0000-8000-8000-000000000103', name: 'Proposal' },
    { id: '00000000-0000-8000-8000-000000000104', name: 'Contract' },
  ],
  position: 0,
};

/**
 * Makes the pipeline of a first start unless it is there. Safe to run again and by several cores at once: one append wins, the
 * others find its work done. Throws the database's error when it could not be recorded; run it again then.
 */
export async function ensureFirstPipeline(log: CrmLog, at: Date): Promise<void> {
  const { state, version } = await log.load(pipelineAggregate, FIRST_PIPELINE_ID);
  if (version > 0) return;
  const events = pipelineAggregate.decide({ type: 'create', fields: FIRST_PIPELINE }, state);
  try {
    await log.append([streamChange({ aggregate: pipelineAggregate, id: FIRST_PIPELINE_ID, version, events })], {
      metadata: {
        actorId: SYSTEM_USER_ID,
        sessionId: null,
        tokenId: null,
        ip: null,
        commandId: COMMAND_ID,
        correlationId: COMMAND_ID,
        causationId: null,
        at: at.toISOString(),
      },
      command: { id: COMMAND_ID, mac: COMMAND_MAC, outcome: { ok: true, id: FIRST_PIPELINE_ID, version: 1 } },
    });
  } catch (error) {
    if (!(error instanceof CommandRepeated) && !(error instanceof VersionConflict)) throw error;
  }
}
