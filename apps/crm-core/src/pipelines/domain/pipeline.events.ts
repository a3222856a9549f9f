export interface Stage {
  readonly id: string;
  readonly name: string;
}

export interface PipelineFields {
  readonly name: string;
  /** In the order a deal goes through them; the first is where a new deal starts. */
  readonly stages: readonly Stage[];
  /** Pipelines are listed by position; the first is the default of new deals. */
  readonly position: number;
}

/** In a change `stages` is the whole new list. */
export type PipelineEvent =
  | { readonly type: 'PipelineCreated'; readonly data: PipelineFields }
  | { readonly type: 'PipelineChanged'; readonly data: Partial<Pick<PipelineFields, 'name' | 'stages'>> };

/** The version of each shape. A changed shape gets the next number and an upcaster. */
export const PIPELINE_EVENT_VERSIONS = { PipelineCreated: 1, PipelineChanged: 1 } as const;
