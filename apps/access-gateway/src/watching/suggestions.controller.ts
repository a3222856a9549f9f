import { Controller, Get } from '@nestjs/common';
import { suggestionsSchema, type Suggestions } from '#contracts';
import { Operation } from '../openapi/operation.js';
import { RequiresRight, RequiresScope } from '../requests/request-context.js';
import { MonitorClient } from './monitor-client.js';

@Controller('/v1/monitoring/suggestions')
export class SuggestionsController {
  constructor(private readonly monitor: MonitorClient) {}

  @Get()
  @RequiresScope('monitoring:read')
  @RequiresRight('monitoring', 'view')
  @Operation({
    summary: 'Limits that would have cut off nobody in the last 28 days, each as it can be put into the settings',
    tag: 'Watching',
    answer: suggestionsSchema,
    refusals: ['dependency-unavailable'],
  })
  async suggestions(): Promise<Suggestions> {
    const { from, to, days, windowing, counting, items } = await this.monitor.suggestions();
    return { from, to, days, windowing, counting, items };
  }
}
