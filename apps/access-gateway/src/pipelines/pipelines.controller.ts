import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { GatewayDatabase } from '../database/gateway-database.js';
import { decodeCursor, pageOf, pageQuerySchema, pageSchema, parsePage, refuseUnknown, type Page } from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { RequiresRight, RequiresScope } from '../requests/request-context.js';

const pipelineSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  stages: z.array(z.object({ id: z.uuid(), name: z.string() })),
});
type Pipeline = z.infer<typeof pipelineSchema>;

/** Sort keys of the last pipeline of a page. */
const cursorSchema = z.tuple([z.int(), z.uuid()]);

@Controller('/v1/pipelines')
export class PipelinesController {
  constructor(private readonly database: GatewayDatabase) {}

  @Get()
  @RequiresScope('deals:read')
  @RequiresRight('pipelines', 'view')
  @Operation({ summary: 'Pipelines and their stages', tag: 'Deals', query: pageQuerySchema, answer: pageSchema(pipelineSchema) })
  async list(@Query() query: unknown): Promise<Page<Pipeline>> {
    const page = parsePage(query);
    refuseUnknown(page.rest);
    const [position, id] = page.cursor === null ? [null, null] : decodeCursor(page.cursor, cursorSchema);
    const rows = await this.database.db
      .selectFrom('read.pipelines')
      .select(['id', 'name', 'stages', 'position'])
      .$if(position !== null, (select) =>
        select.where((row) => row(row.refTuple('position', 'id'), '>', row.tuple(position as number, id as string))),
      )
      .orderBy('position')
      .orderBy('id')
      .limit(page.limit + 1)
      .execute();
    return pageOf(
      rows,
      page.limit,
      (row) => ({ id: row.id, name: row.name, stages: [...row.stages] }),
      (row) => [row.position, row.id],
    );
  }
}
