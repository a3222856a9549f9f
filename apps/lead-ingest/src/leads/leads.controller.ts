import { Controller, HttpCode, Options, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { mediaTypeOf } from '#platform';
import { IntakeDoor, LEADS_ROUTE } from '../door/intake-door.js';
import { wordsFor } from '../pages/page.words.js';
import { thanksPage } from '../pages/pages.js';
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

  /**
   * 202 with the lead's id; for a page's own form, which asks for HTML, 303 to where the form says, or thanks. A source that only tries
   * whether somebody is there gets 200.
   */
  @Post()
  @HttpCode(202)
  async post(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Taken | string | undefined> {
    const { form, ip } = this.door.admissionOf(request);
    const leadId = await this.intake.accept({
      form,
      ip,
      body: request.body as Buffer | undefined,
      mediaType: mediaTypeOf(request),
      idempotencyKey: oneOf(request.headers['idempotency-key']),
      signature: oneOf(request.headers['palisade-signature']),
      receivedAt: new Date(),
    });
    if (leadId === null) {
      reply.status(200);
      return { ok: true };
    }
    if (!wantsHtml(request.headers.accept)) return { leadId };
    if (form.successUrl === null) {
      const { html, headers } = thanksPage(form, wordsFor(request.headers['accept-language']));
      reply.headers(headers);
      return html;
    }
    // As URLs stand in headers: whatever script its words are in.
    reply.status(303).header('location', new URL(form.successUrl).href);
    return undefined;
  }
}

type Taken = { readonly leadId: string } | { readonly ok: true };

function oneOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(',') : header;
}

function wantsHtml(accept: string | undefined): boolean {
  return accept !== undefined && accept.toLowerCase().includes('text/html');
}
