import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { z } from 'zod';
import { refuse } from '#kernel';
import { allows } from '#policy';
import { AsCommand, PathId, validated, type CommandRequest } from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { CurrentWho, RequiresRight, RequiresScope, type Who } from '../requests/request-context.js';
import { IMPORT_COLUMNS, MALFORMED_LINE } from './import-lines.js';
import { ImportStore, NAMED_LINES, type ImportStanding } from './import-store.js';
import { ImportWorker } from './import-worker.js';

const tag = 'Imports';
const querySchema = z.strictObject({ type: z.literal('contacts'), dryRun: z.enum(['true', 'false']).default('false') });
const startedSchema = z.object({ importId: z.uuid() });
const importSchema = startedSchema.extend({
  state: z.enum(['queued', 'running', 'done', 'failed', 'cancelled']),
  dryRun: z.boolean(),
  /** Lines below the header; those that were judged; of these those that became a contact, and those that were refused. */
  rows: z.int(),
  done: z.int(),
  imported: z.int(),
  refused: z.int(),
  refusedLines: z.array(z.object({ line: z.int(), code: z.string() })),
});

@Controller('/v1/imports')
export class ImportsController {
  constructor(
    private readonly store: ImportStore,
    private readonly worker: ImportWorker,
  ) {}

  @Post()
  @HttpCode(202)
  @RequiresScope('records:import')
  @RequiresRight('records', 'import')
  @Operation({
    summary: 'Import contacts from CSV; a dry run judges every line and takes none',
    notes:
      `UTF-8 with a header line of these columns: ${IMPORT_COLUMNS.join(', ')}; only name must be there. Separated by commas, or by semicolons where ` +
      'the header is. A cell may hold several numbers, addresses or tags, separated by commas or semicolons. A number that is none is kept and masked ' +
      'whole. A company is found by its name among those one may see, or made. Takes the right to create contacts besides.',
    tag,
    query: querySchema,
    body: z.string(),
    bodyType: 'text/csv',
    status: 202,
    answer: startedSchema,
    refusals: ['capacity-reached'],
  })
  async create(
    @CurrentWho() who: Who,
    @Query() query: unknown,
    @AsCommand() request: CommandRequest,
  ): Promise<z.infer<typeof startedSchema>> {
    if (!allows(who.principal, 'contact', 'create')) refuse('forbidden');
    if (!isCsv(request.mediaType)) refuse('unsupported-media-type', 'the body must be text/csv');
    const { dryRun } = validated(query, querySchema);
    const { rawBody: bytes = Buffer.alloc(0), idempotencyKey } = request;
    const importId = await this.store.request(who, { bytes, dryRun: dryRun === 'true', idempotencyKey });
    this.worker.wake();
    return { importId };
  }

  @Get('/:id')
  @RequiresScope('records:import')
  @RequiresRight('records', 'import')
  @Operation({
    summary: 'How far an import of mine is',
    notes: `Refused lines by number (the header is 1) and code, the first ${NAMED_LINES} or a few more; \`${MALFORMED_LINE}\`: not as many cells as the header, or too many characters.`,
    tag,
    answer: importSchema,
    refusals: ['not-found'],
  })
  get(@CurrentWho() who: Who, @Param('id', PathId) id: string): Promise<ImportStanding> {
    return this.store.standing(who, id);
  }
}

/** `text/csv`, with the charset UTF-8 at most and what RFC 7111 says of the header. */
function isCsv(mediaType: string | undefined): boolean {
  const [type = '', ...parameters] = (mediaType ?? '').split(';').map((part) => part.trim().toLowerCase());
  return type === 'text/csv' && parameters.every((parameter) => /^(charset="?utf-8"?|header=present)?$/.test(parameter));
}
