import { Controller, Get, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Public } from '../requests/request-context.js';
import { DOCS_POLICY, docsPage } from './docs-page.js';
import { openApiDocument, type OpenApiDocument } from './document.js';
import { Operation } from './operation.js';
import { RouteCatalogue } from './route-catalogue.js';

export const API_VERSION = '1';

@Controller()
export class OpenApiController {
  private document: OpenApiDocument | undefined;

  constructor(private readonly catalogue: RouteCatalogue) {}

  @Get('/openapi.json')
  @Public()
  @Operation({ summary: 'This document', tag: 'Documentation', answer: z.record(z.string(), z.unknown()) })
  json(): OpenApiDocument {
    return this.current();
  }

  @Get('/docs')
  @Public()
  @Operation({ summary: 'This document as a page', tag: 'Documentation', answer: z.string(), mediaType: 'text/html' })
  page(@Res({ passthrough: true }) reply: FastifyReply): string {
    reply.type('text/html; charset=utf-8').header('content-security-policy', DOCS_POLICY);
    return docsPage(this.current());
  }

  private current(): OpenApiDocument {
    this.document ??= openApiDocument(this.catalogue.routes, API_VERSION);
    return this.document;
  }
}
