import { Controller, HttpCode, Options, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { mediaTypeOf } from '#platform';
import { refuse } from '#kernel';
import { IntakeDoor, LEADS_ROUTE } from '../door/intake-door.js';
import { LeadIntake } from './lead-intake.js';

@Controller(LEADS_ROUTE)
export class LeadsController {
  constructor(
    private readonly door: IntakeDoor,
    private readonly intake: LeadIntake,
  ) {}

  /** The preflight of a browser (Fetch standard, "CORS-preflight request"); the door has set its headers or refused. */
  @Options()
  @HttpCode(204)
  preflight(): void {
    return;
  }

  /** 202 with the lead's id; for a page's own form, which asks for HTML, 303 to where the form says. */
  @Post()
  @HttpCode(202)
  async post(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<{ readonly leadId: string } | undefined> {
    const { form, ip } = this.door.admissionOf(request);
    if ((request.headers['content-encoding'] ?? 'identity') !== 'identity') refuse('unsupported-media-type');
    const key = request.headers['idempotency-key'];
    const leadId = await this.intake.accept({
      form,
      ip,
      body: request.body as Buffer | undefined,
      mediaType: mediaTypeOf(request),
      idempotencyKey: Array.isArray(key) ? key.join(',') : key,
      receivedAt: new Date(),
    });
    if (form.successUrl === null || !wantsHtml(request.headers.accept)) return { leadId };
    reply.status(303).header('location', form.successUrl);
    return undefined;
  }
}

function wantsHtml(accept: string | undefined): boolean {
  return accept !== undefined && accept.toLowerCase().includes('text/html');
}
