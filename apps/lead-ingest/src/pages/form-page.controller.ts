import { randomUUID } from 'node:crypto';
import { Controller, Get, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { refuse } from '#kernel';
import { FormBook } from '../forms/form-book.js';
import { wordsFor } from './page.words.js';
import { formPage } from './pages.js';

@Controller('/forms')
export class FormPageController {
  constructor(private readonly book: FormBook) {}

  /** The form's own page. A form whose leads must be signed, or come in another spelling, has none: no page could send to it. */
  @Get('/:formKey')
  page(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): string {
    const form = this.book.find((request.params as { formKey: string }).formKey);
    if (form.requireSignature || form.format !== 'palisade') return refuse('unknown-form');
    const at = request.url.indexOf('?');
    const query = new URLSearchParams(at < 0 ? '' : request.url.slice(at + 1));
    const words = wordsFor(request.headers['accept-language']);
    const { html, headers } = formPage({ form, words, query, submissionId: randomUUID() });
    reply.headers({ ...headers, vary: 'Accept-Language' });
    return html;
  }
}
