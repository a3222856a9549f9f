import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { refuse } from '#kernel';
import { Operation } from '../openapi/operation.js';
import { CurrentWho, RequiresAnyOf, type Who } from '../requests/request-context.js';
import { lastEventId, sendStream, streamOutput } from './event-stream-answer.js';
import { ANY_RECORDS } from './record-scopes.js';
import { RECORD_MESSAGE_TYPES, RINGING } from './record-change.js';
import { RecordReaders } from './record-readers.js';

@Controller('/v1/events')
export class EventsController {
  constructor(private readonly readers: RecordReaders) {}

  @Get('/stream')
  @RequiresAnyOf(ANY_RECORDS)
  @Operation({
    summary: 'That records changed, as it happens, as Server-Sent Events; Last-Event-ID resumes',
    notes:
      'Each message is {type, id, version, changed, at}: a record, its new version and the names of the changed fields, never a value. ' +
      `Types: ${RECORD_MESSAGE_TYPES.join(', ')}. A message is sent to those who may see the record at that moment; a change that takes ` +
      'it out of reach is not told. While a number of a record is calling, who is responsible for it is told ' +
      `${RINGING} as {type, id, recordType, callId, phoneId, masked, at}, with the id of the card and the masked number. ` +
      'A token hears of the record types of its scopes. Last-Event-ID takes the id of a message: what was ' +
      'missed follows, decided by the rights of now. When it is too long ago (10,000 changes) the one message `resync`, without an id, ' +
      'comes instead: read anew what you show. A comment comes every 15 seconds. Who reads too slowly is disconnected.',
    tag: 'Watching',
    answer: z.string(),
    mediaType: 'text/event-stream',
    refusals: ['malformed-request', 'unknown-filter', 'dependency-unavailable'],
  })
  async stream(
    @CurrentWho() who: Who,
    @Query() query: object,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (Object.keys(query).length > 0) refuse('unknown-filter');
    const afterId = lastEventId(request);
    const out = streamOutput(reply);
    this.readers.add(who, request.routeOptions.config.rules ?? {}, out, afterId);
    await sendStream(reply, out);
  }
}
