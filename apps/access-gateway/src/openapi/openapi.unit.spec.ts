import { z } from 'zod';
import { docsPage } from './docs-page.js';
import { isPublic, openApiDocument } from './document.js';
import type { CataloguedRoute } from './route-catalogue.js';

const route = (over: Partial<CataloguedRoute>): CataloguedRoute => ({
  method: 'POST',
  url: '/v1/things/:id',
  rules: {
    scope: 'users:write',
    right: { subject: 'users', action: 'edit' },
    operation: {
      summary: 'A <thing>',
      tag: 'Things',
      body: z.strictObject({ name: z.string() }),
      status: 201,
      refusals: ['not-found'],
    },
  },
  ...over,
});

describe('the API document', () => {
  it('tells of a route what decides about it', () => {
    const operation = openApiDocument([route({})], '1').paths['/v1/things/{id}']?.['post'];
    expect(operation).toMatchObject({
      summary: 'A <thing>',
      description: 'Right: users.edit. Scope: users:write.',
      parameters: [{ name: 'id', in: 'path', schema: { format: 'uuid' } }, { name: 'Idempotency-Key' }],
      requestBody: { content: { 'application/json': { schema: { required: ['name'], additionalProperties: false } } } },
    });
    expect(Object.keys(operation?.responses ?? {})).toEqual(expect.arrayContaining(['201', '401', '403', '404', '422', '503']));
  });

  it('cannot be made of a route that is not described, or by a code that there is not', () => {
    expect(() => openApiDocument([route({ rules: {} })], '1')).toThrow('POST /v1/things/:id');
    const operation = { summary: '', tag: '', refusals: ['no-such-code'] };
    expect(() => openApiDocument([route({ rules: { operation } })], '1')).toThrow('no-such-code');
  });

  it('takes nothing for public that does not say so', () => {
    expect(isPublic(route({}))).toBe(false);
    expect(isPublic(route({ rules: { isPublic: true } }))).toBe(true);
    expect(isPublic(route({ url: '/health/live' }))).toBe(true);
    expect(isPublic(route({ url: '/toString' }))).toBe(false);
  });

  it('is shown without a script', () => {
    const page = docsPage(openApiDocument([route({})], '1'));
    expect(page).toContain('A &#60;thing&#62;');
    expect(page).not.toMatch(/<script|https?:\/\//);
  });
});
