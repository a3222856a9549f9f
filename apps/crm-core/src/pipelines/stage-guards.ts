import type { Statement } from '#event-store';
import { judgedAgain } from '../authz/judged-again.js';

/**
 * Deals and the stages they stand in. Who puts a deal into a stage holds the lock of its pipeline shared and looks whether the stage
 * is there; who takes stages away holds it alone and looks whether deals stand in them. So neither slips past the other, and deals
 * do not wait for deals.
 */
export const stagesLock = (pipelineId: string): string => `stages:${pipelineId}`;

/** Run in an append that puts a deal into a stage: raises PA017 when the stage is gone. */
export function requireStage(pipelineId: string, stageId: string): Statement {
  return { name: 'require stage', text: 'SELECT read.require_stage($1, $2)', values: [pipelineId, stageId] };
}

/** Run under `stagesLock` in an append that takes stages away: raises PA018 when deals, deleted ones too, stand in one. */
export function requireUnused(stageIds: readonly string[]): Statement {
  return { name: 'require unused stages', text: 'SELECT read.require_unused_stages($1)', values: [stageIds] };
}

/** Runs a command with `requireStage`; when the stage was taken away meanwhile, it is judged by what is there now. */
export function inPresentStage<T>(run: () => Promise<T>): Promise<T> {
  return judgedAgain('PA017', run);
}
