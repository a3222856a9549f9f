import type { z } from 'zod';

/** What the OpenAPI document says of a route. Bodies are zod schemas; they become JSON Schema. */
export interface OperationDescription {
  readonly summary: string;
  /** What the summary leaves out: sentences for whoever calls the route. */
  readonly notes?: string;
  readonly tag: string;
  /** Query parameters, as one object schema. */
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Media type of the body; `application/json` when absent. */
  readonly bodyType?: string;
  /** The status of success; 200 when absent. */
  readonly status?: number;
  /** The body of success; without it there is none. */
  readonly answer?: z.ZodType;
  /** Another status of success with its body, where the request says which. */
  readonly orElse?: { readonly status: number; readonly answer: z.ZodType };
  /** A POST that takes no Idempotency-Key; public ones take none either. */
  readonly takesNoKey?: true;
  /** Media type of the answer; `application/json` when absent. */
  readonly mediaType?: string;
  /** Media types that the same answer may have instead, as the request says: files. */
  readonly otherMediaTypes?: readonly string[];
  /** Codes of refusals beyond those that every route has. */
  readonly refusals?: readonly string[];
}
