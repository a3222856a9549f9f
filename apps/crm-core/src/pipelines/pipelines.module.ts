import { Module } from '@nestjs/common';
import { ChangePipeline, ChangePipelineHandler, CreatePipeline, CreatePipelineHandler } from './pipelines.handlers.js';

/** The commands of this feature by the names they have on the wire. */
export const PIPELINE_COMMANDS = { CreatePipeline, ChangePipeline };

@Module({ providers: [CreatePipelineHandler, ChangePipelineHandler] })
export class PipelinesModule {}
