import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { refuse } from '#kernel';
import type { Statement } from '#event-store';
import type { AcceptedReply } from '#contracts';
import { allows } from '#policy';
import { CrmCommand, targetOf, unsealedText, type CommandContext } from '../commands/command-context.js';
import { CommandShell } from '../commands/command-shell.js';
import { CORE_POOL } from '../log/log.module.js';
import { changePipelineBody, createPipelineBody, PIPELINE_LIMITS } from './domain/pipeline.commands.js';
import { removedStages } from './domain/pipeline.decider.js';
import { pipelineAggregate } from './pipeline.aggregate.js';
import { requireUnused, stagesLock } from './stage-guards.js';

export class CreatePipeline extends CrmCommand {}
export class ChangePipeline extends CrmCommand {}

/** Pipelines are made one after another: each is counted with those before it. */
const PIPELINES_LOCK = 'pipelines';
const REQUIRE_PIPELINES: Statement = {
  name: 'require pipelines',
  text: 'SELECT read.require_pipelines($1)',
  values: [PIPELINE_LIMITS.pipelines],
};

function requireEdit({ principal }: CommandContext): void {
  if (!allows(principal, 'pipelines', 'edit')) refuse('forbidden');
}

/** Runs an append whose guards may find the place full, or deals in a stage that would go. */
async function guarded<T>(append: () => Promise<T>): Promise<T> {
  try {
    return await append();
  } catch (error) {
    const code = (error as { code?: unknown } | null)?.code;
    if (code === 'PA016') return refuse('capacity-reached');
    if (code === 'PA018') return refuse('stage-in-use');
    throw error;
  }
}

@CommandHandler(CreatePipeline)
export class CreatePipelineHandler implements ICommandHandler<CreatePipeline> {
  constructor(
    private readonly shell: CommandShell,
    @Inject(CORE_POOL) private readonly pool: Pool,
  ) {}

  async execute({ context }: CreatePipeline): Promise<AcceptedReply> {
    requireEdit(context);
    const body = context.body.parse(createPipelineBody);
    const fields = {
      name: unsealedText(context, body.name),
      stages: body.stages.map(({ name }) => ({ id: uuidv7(), name: unsealedText(context, name) })),
      position: await this.nextPosition(),
    };
    return guarded(() =>
      this.shell.run(context, pipelineAggregate, uuidv7(), ({ state }) => ({
        events: pipelineAggregate.decide({ type: 'create', fields }, state),
        locks: [PIPELINES_LOCK],
        statements: [REQUIRE_PIPELINES],
      })),
    );
  }

  /** After the last one. Two made at once may share a place; they are listed by id then. */
  private async nextPosition(): Promise<number> {
    const result = await this.pool.query<{ next: number }>('SELECT coalesce(max(position) + 1, 0) AS next FROM read.pipelines');
    return result.rows[0]?.next ?? 0;
  }
}

@CommandHandler(ChangePipeline)
export class ChangePipelineHandler implements ICommandHandler<ChangePipeline> {
  constructor(private readonly shell: CommandShell) {}

  async execute({ context }: ChangePipeline): Promise<AcceptedReply> {
    requireEdit(context);
    const id = targetOf(context);
    return guarded(() =>
      this.shell.run(context, pipelineAggregate, id, ({ state }) => {
        if (state.phase === 'none') return refuse('not-found');
        const { name, stages } = context.body.parse(changePipelineBody);
        const command = {
          type: 'change' as const,
          name: name === undefined ? undefined : unsealedText(context, name),
          stages: stages?.map((stage) => ({
            id: stage.id ?? uuidv7(),
            isNew: stage.id === undefined,
            name: unsealedText(context, stage.name),
          })),
        };
        const events = pipelineAggregate.decide(command, state);
        const removed = removedStages(state, events);
        return removed.length === 0 ? { events } : { events, locks: [stagesLock(id)], statements: [requireUnused(removed)] };
      }),
    );
  }
}
