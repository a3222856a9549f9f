import { Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { z } from 'zod';
import { ALARM_TYPES } from '#contracts';
import { DomainError, refuse } from '#kernel';
import {
  AsCommand,
  decodeCursor,
  pageOf,
  pageQuerySchema,
  pageSchema,
  parsePage,
  PathId,
  readJson,
  refuseUnknown,
  type CommandRequest,
  type Page,
} from '../http/index.js';
import { Operation } from '../openapi/operation.js';
import { CurrentWho, RequiresRight, RequiresScope, type Who } from '../requests/request-context.js';
import { invalid } from '../watching/filters.js';
import { DeliveryQueue, type Delivery } from './delivery-queue.js';
import { WebhookSender } from './webhook-sender.js';
import { WebhookStore, type Webhook } from './webhook-store.js';

const tag = 'Webhooks';
const STATES = ['pending', 'delivered', 'dead'] as const;
const bodySchema = z.strictObject({
  url: z.string().max(2_000).describe('http or https, without a login; on the public internet'),
  types: z
    .array(z.enum(ALARM_TYPES))
    .min(1)
    .max(100)
    .default([...ALARM_TYPES])
    .describe('Types of alarms that are sent; all when absent'),
});
const webhookSchema = z.object({ id: z.uuid(), url: z.string(), types: z.array(z.string()), createdAt: z.iso.datetime() });
const madeSchema = webhookSchema.extend({ secret: z.string().optional() });
const deliverySchema = z.object({
  alarmId: z.uuid(),
  type: z.enum(ALARM_TYPES),
  state: z.enum(STATES),
  attempts: z.int(),
  fault: z.string().nullable(),
  status: z.int().nullable(),
  createdAt: z.iso.datetime(),
  dueAt: z.iso.datetime().nullable(),
  finishedAt: z.iso.datetime().nullable(),
});
const retriedSchema = z.object({ id: z.uuid(), retried: z.int() });
type DeliveryShown = z.input<typeof deliverySchema>;

@Controller('/v1/webhooks')
export class WebhooksController {
  constructor(
    private readonly webhooks: WebhookStore,
    private readonly queue: DeliveryQueue,
    private readonly sender: WebhookSender,
  ) {}

  @Get()
  @RequiresScope('settings:read')
  @RequiresRight('webhooks', 'view')
  @Operation({
    summary: 'Webhooks of alarms',
    tag,
    query: pageQuerySchema,
    answer: pageSchema(webhookSchema),
    refusals: ['unknown-filter', 'invalid-cursor'],
  })
  async list(@Query() query: unknown): Promise<Page<z.infer<typeof webhookSchema>>> {
    const page = parsePage(query);
    refuseUnknown(page.rest);
    const after = page.cursor === null ? null : decodeCursor(page.cursor, z.uuid());
    return pageOf(await this.webhooks.list(after, page.limit + 1), page.limit, shown, ({ id }) => id);
  }

  @Post()
  @RequiresScope('settings:write')
  @RequiresRight('webhooks', 'edit')
  @Operation({
    summary: 'Have alarms pushed to a URL; the secret is shown this once',
    notes:
      'Each alarm is one POST of its JSON. Palisade-Signature is `t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body" under the secret>`. ' +
      'Any 2xx takes it; no redirect is followed. Otherwise it is tried again after 1, 4, 16 seconds and ever later, for about a day, and ' +
      'then kept as dead. An alarm may come twice when a gateway dies while it sends: its id tells. Nothing is sent at the creation.',
    tag,
    body: bodySchema,
    status: 201,
    answer: madeSchema,
    refusals: ['target-not-public', 'capacity-reached'],
  })
  async create(@CurrentWho() who: Who, @AsCommand() request: CommandRequest): Promise<z.infer<typeof madeSchema>> {
    const body = readJson({ bytes: request.rawBody, mediaType: request.mediaType }, bodySchema);
    const { webhook, secret } = await this.webhooks.create(who, body, request.idempotencyKey);
    return secret === undefined ? shown(webhook) : { ...shown(webhook), secret: secret.expose() };
  }

  @Delete('/:id')
  @HttpCode(204)
  @RequiresScope('settings:write')
  @RequiresRight('webhooks', 'edit')
  @Operation({ summary: 'End a webhook, with what was still to be sent to it', tag, status: 204, refusals: ['not-found'] })
  async end(@Param('id', PathId) id: string, @CurrentWho() who: Who): Promise<void> {
    if (!(await this.webhooks.end(who, id))) throw new DomainError('not-found');
  }

  @Get('/:id/deliveries')
  @RequiresScope('settings:read')
  @RequiresRight('webhooks', 'view')
  @Operation({
    summary: 'What became of the alarms of a webhook, newest first; state=dead are those that nobody took',
    tag,
    query: pageQuerySchema.extend({ state: z.enum(STATES).optional() }),
    answer: pageSchema(deliverySchema),
    refusals: ['not-found', 'unknown-filter', 'invalid-cursor'],
  })
  async deliveries(@Param('id', PathId) id: string, @Query() query: unknown): Promise<Page<DeliveryShown>> {
    if (!(await this.webhooks.exists(id))) refuse('not-found');
    const { limit, cursor, rest } = parsePage(query);
    refuseUnknown(rest, ['state']);
    const state = STATES.find((one) => one === rest.get('state')) ?? null;
    if (state === null && rest.has('state')) throw invalid('state', `Give one of ${STATES.join(', ')}.`);
    const before = cursor === null ? null : decodeCursor(cursor, z.uuid());
    return pageOf(await this.queue.list(id, state, before, limit + 1), limit, shownDelivery, ({ alarmId }) => alarmId);
  }

  @Post('/:id/retry')
  @HttpCode(200)
  @RequiresScope('settings:write')
  @RequiresRight('webhooks', 'edit')
  @Operation({
    summary: 'Try again what is dead of a webhook',
    tag,
    answer: retriedSchema,
    takesNoKey: true,
    refusals: ['not-found'],
  })
  async retry(@Param('id', PathId) id: string, @CurrentWho() who: Who): Promise<z.infer<typeof retriedSchema>> {
    const retried = await this.webhooks.retry(who, id, this.queue);
    if (retried === null) return refuse('not-found');
    this.sender.wake();
    return { id, retried };
  }
}

function shown({ id, url, types, createdAt }: Webhook): z.infer<typeof webhookSchema> {
  return { id, url, types: [...types], createdAt: createdAt.toISOString() };
}

function shownDelivery({ createdAt, dueAt, finishedAt, type, ...row }: Delivery): DeliveryShown {
  return {
    ...{ ...row, type: type as DeliveryShown['type'], createdAt: createdAt.toISOString() },
    ...{ dueAt: dueAt?.toISOString() ?? null, finishedAt: finishedAt?.toISOString() ?? null },
  };
}
