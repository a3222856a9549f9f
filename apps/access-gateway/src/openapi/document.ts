import { z } from 'zod';
import { PROBLEMS, type ProblemCode } from '#contracts';
import { SESSION_COOKIE } from '../requests/session-cookie.js';
import type { OperationDescription } from './operation-description.js';
import type { CataloguedRoute } from './route-catalogue.js';

/** As much of an OpenAPI 3.1 document (spec.openapis.org/oas/v3.1.1) as is made here. */
export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
}
export interface OpenApiOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly Readonly<Record<string, unknown>>[];
  readonly requestBody?: Readonly<Record<string, unknown>>;
  readonly responses: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const JSON_TYPE = 'application/json';

const readinessSchema = z.object({
  status: z.enum(['ready', 'degraded', 'not-ready']),
  checks: z.record(z.string(), z.enum(['up', 'down'])),
});

/** The platform's routes carry no description of their own. */
const OPERATIONS: Readonly<Record<string, OperationDescription>> = {
  '/health/live': { summary: 'Alive', tag: 'Operations', answer: z.object({ status: z.literal('live') }) },
  '/health/ready': {
    summary: 'Ready, and what is down, by name; degraded while service goes on without it',
    tag: 'Operations',
    answer: readinessSchema,
    orElse: { status: 503, answer: readinessSchema },
  },
  '/metrics': {
    summary: 'Prometheus metrics, for this machine only unless PALISADE_METRICS_ANYWHERE is true',
    tag: 'Operations',
    answer: z.string(),
    mediaType: 'text/plain',
    refusals: ['not-found'],
  },
};

const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]),
  requestId: z.uuid(),
  errors: z.array(z.object({ path: z.string(), code: z.string(), message: z.string() })).optional(),
});

/**
 * The document of these routes. Throws an Error naming a route that describes itself not at all, or by a code that there is
 * not.
 */
export function openApiDocument(routes: readonly CataloguedRoute[], version: string): OpenApiDocument {
  const paths: Record<string, Record<string, OpenApiOperation>> = {};
  for (const route of [...routes].sort((a, b) => a.url.localeCompare(b.url) || a.method.localeCompare(b.method))) {
    const path = route.url.replace(/:([A-Za-z]+)/g, '{$1}');
    (paths[path] ??= {})[route.method.toLowerCase()] = operationOf(route);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Palisade', version, description: 'The public API of the access gateway. Errors are RFC 9457 problems.' },
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'A session (pls_s_…) or an API token (pls_t_…).' },
        cookie: {
          type: 'apiKey',
          in: 'cookie',
          name: SESSION_COOKIE,
          description: `A browser's session. A change needs Sec-Fetch-Site or Origin of this host; with an Authorization header the cookie is not looked at.`,
        },
      },
      schemas: { Problem: jsonSchema(problemSchema, 'output') },
    },
    security: [{ bearer: [] }, { cookie: [] }],
  };
}

/** Whether a route is reached without a token. */
export function isPublic(route: CataloguedRoute): boolean {
  return route.rules.isPublic === true || Object.hasOwn(OPERATIONS, route.url);
}

function operationOf(route: CataloguedRoute): OpenApiOperation {
  const { method, url, rules } = route;
  const operation = rules.operation ?? OPERATIONS[url];
  if (operation === undefined) throw new Error(`${method} ${url} has no @Operation: describe it for the API document`);
  const parameters = [...pathParameters(url), ...queryParameters(operation), ...headerParameters(route, operation)];
  const description = [
    ...(operation.notes === undefined ? [] : [operation.notes]),
    ...(rules.right === undefined ? [] : [`Right: ${rules.right.subject}.${rules.right.action}.`]),
    ...(isPublic(route) ? ['Public.'] : [rules.anyOf === undefined ? scopeText(rules.scope) : anyOfText(rules.anyOf)]),
  ].join(' ');
  return {
    operationId: operationId(method, url),
    summary: operation.summary,
    description,
    tags: [operation.tag],
    ...(isPublic(route) ? { security: [] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(operation.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { [operation.bodyType ?? JSON_TYPE]: { schema: jsonSchema(operation.body, 'input') } },
          },
        }),
    responses: responsesOf(route, operation),
  };
}

function scopeText(scope: string | undefined): string {
  if (scope === undefined) return 'Sessions only.';
  return scope === 'any' ? 'Any API token.' : `Scope: ${scope}.`;
}

function anyOfText(anyOf: NonNullable<CataloguedRoute['rules']['anyOf']>): string {
  const pairs = anyOf.map(({ scope, right }) => `${right.subject}.${right.action} (scope ${scope})`);
  return `One of these rights, in an API token one of its scopes: ${pairs.join(', ')}.`;
}

function operationId(method: string, url: string): string {
  const words = url.split('/').filter((word) => word !== '' && word !== 'v1');
  return [method.toLowerCase(), ...words.map((word) => word.replace(/^:/, 'by-'))].join('-').replaceAll('.', '-');
}

function pathParameters(url: string): Record<string, unknown>[] {
  return [...url.matchAll(/:([A-Za-z]+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: name === 'token' ? { type: 'string' } : { type: 'string', format: 'uuid' },
  }));
}

function queryParameters({ query }: OperationDescription): Record<string, unknown>[] {
  if (query === undefined) return [];
  const schema = jsonSchema(query, 'input') as { properties?: Record<string, unknown>; required?: readonly string[] };
  return Object.entries(schema.properties ?? {}).map(([name, parameter]) => ({
    name,
    in: 'query',
    required: schema.required?.includes(name) ?? false,
    schema: parameter,
  }));
}

/** Everything that creates or acts; what signs in is public. */
function takesIdempotencyKey({ method, rules }: CataloguedRoute): boolean {
  return method === 'POST' && rules.isPublic !== true && rules.operation?.takesNoKey !== true;
}

function takesIfMatch({ url }: CataloguedRoute, operation: OperationDescription): boolean {
  return operation.refusals?.includes('version-conflict') === true && url.startsWith('/v1/');
}

function headerParameters(route: CataloguedRoute, operation: OperationDescription): Record<string, unknown>[] {
  return [
    ...(takesIdempotencyKey(route)
      ? [{ name: 'Idempotency-Key', in: 'header', schema: { type: 'string', minLength: 1, maxLength: 255 } }]
      : []),
    ...(takesIfMatch(route, operation) ? [{ name: 'If-Match', in: 'header', schema: { type: 'string' } }] : []),
  ];
}

function responsesOf(route: CataloguedRoute, operation: OperationDescription): OpenApiOperation['responses'] {
  const { answer, status = 200, mediaType = JSON_TYPE, otherMediaTypes = [], orElse } = operation;
  return {
    [String(status)]: successOf(answer, mediaType, otherMediaTypes),
    ...refusalsOf(route, operation),
    ...(orElse === undefined ? {} : { [String(orElse.status)]: successOf(orElse.answer, JSON_TYPE) }),
  };
}

function successOf(
  answer: z.ZodType | undefined,
  mediaType: string,
  otherMediaTypes: readonly string[] = [],
): Record<string, unknown> {
  if (answer === undefined) return { description: 'Done' };
  const files = otherMediaTypes.map((type) => [type, { schema: { type: 'string' } }]);
  return {
    description: 'Done',
    content: { [mediaType]: { schema: jsonSchema(answer, 'output') }, ...Object.fromEntries(files) },
  };
}

const DECIDED_BEFORE_BODIES = [
  'unauthenticated',
  'forbidden',
  'ip-not-allowed',
  'api-admins-only',
  'scope-missing',
  'cross-site-request',
];

function refusalsOf(route: CataloguedRoute, operation: OperationDescription): Record<string, Record<string, unknown>> {
  const codes = new Set<string>(operation.refusals ?? []);
  if (!isPublic(route)) {
    for (const code of DECIDED_BEFORE_BODIES) codes.add(code);
    if (route.rules.withoutSecondFactor !== true) codes.add('second-factor-required');
  }
  if (takesIdempotencyKey(route)) for (const code of ['idempotency-in-progress', 'idempotency-key-reused']) codes.add(code);
  // Where none is asked for, a body that says something is refused too.
  if (operation.body !== undefined || route.method !== 'GET') {
    for (const code of ['malformed-body', 'body-too-large', 'unsupported-media-type', 'validation-failed']) codes.add(code);
  }
  if (operation.query !== undefined) {
    for (const code of ['validation-failed', 'unknown-filter']) codes.add(code);
    if (Object.hasOwn(operation.query.shape, 'cursor')) codes.add('invalid-cursor');
  }
  // Of the two headers, and of a request that is none.
  if (takesIdempotencyKey(route) || takesIfMatch(route, operation)) codes.add('malformed-request');
  codes.add('dependency-unavailable');
  const byStatus = new Map<number, string[]>();
  for (const code of codes) {
    if (!Object.hasOwn(PROBLEMS, code)) throw new Error(`${route.method} ${route.url}: the catalogue has no code ${code}`);
    const { status } = PROBLEMS[code as ProblemCode];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, listed]) => [
      String(status),
      {
        description: listed.join(', '),
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    ]),
  );
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const made = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    // What a format says already, in some hundred characters each time.
    override: ({ jsonSchema: part }) => {
      if (part.format === 'uuid' || part.format === 'date-time') delete part.pattern;
      // What a schema does not name is refused, whoever reads the body.
      if (io === 'input' && part.type === 'object' && part.properties !== undefined) part.additionalProperties ??= false;
    },
  });
  // OpenAPI 3.1 names the dialect once, for the whole document.
  return Object.fromEntries(Object.entries(made).filter(([keyword]) => keyword !== '$schema'));
}
