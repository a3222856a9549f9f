import { randomUUID } from 'node:crypto';
import { errors as natsErrors } from '@nats-io/transport-node';
import { DomainError, type FieldError } from '#kernel';
import { brokerUnavailable, type Broker } from './broker.js';

/** How a refusal travels in the `err` of a reply. The receiver builds the DomainError anew. */
export interface Refusal {
  readonly code: string;
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
  readonly retryAfterSeconds?: number;
}

/** The wire form of a DomainError, for the `err` of a reply. */
export function refusalOf(error: DomainError): Refusal {
  return { code: error.code, ...error.options };
}

export interface RequestOptions {
  readonly timeoutMs: number;
  /** The answer is wanted below this subject, a subscription for each, and not in the connection's own inbox. */
  readonly answersTo?: string;
}

/**
 * Asks a Nest microservice over plain request and reply (packets as of `ServerNats` of @nestjs/microservices 12:
 * `{pattern, data, id}` there, `{id, response | err, isDisposed}` back) and gives its answer.
 * Throws the DomainError that the other side refused with; `dependency-unavailable` (retry after 1 s) when disconnected,
 * nobody listens or no answer came within `timeoutMs`: then it is not known whether it was done. Throws a plain Error
 * without content when the other side failed or answered nonsense.
 */
export async function request<T>(
  broker: Broker,
  subject: string,
  data: unknown,
  { timeoutMs, answersTo }: RequestOptions,
): Promise<T> {
  const packet = JSON.stringify({ pattern: subject, data, id: randomUUID() });
  let body: string;
  try {
    const own = answersTo === undefined ? {} : { noMux: true, reply: `${answersTo}.${randomUUID()}` };
    const reply = await broker.connected.request(subject, packet, { timeout: timeoutMs, ...own });
    body = reply.string();
  } catch (error) {
    throw isUsageError(error) ? error : brokerUnavailable();
  }
  return answerOf<T>(body);
}

function isUsageError(error: unknown): boolean {
  return error instanceof natsErrors.InvalidArgumentError || error instanceof natsErrors.InvalidSubjectError;
}

function answerOf<T>(body: string): T {
  const packet = parse(body);
  if (packet === undefined) throw new Error('the reply is not a packet');
  if (packet['err'] === undefined || packet['err'] === null) return packet['response'] as T;
  const refusal = packet['err'];
  if (isRefusal(refusal)) {
    const { code, detail, errors, retryAfterSeconds } = refusal;
    throw new DomainError(code, {
      ...(detail === undefined ? {} : { detail }),
      ...(errors === undefined ? {} : { errors }),
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    });
  }
  throw new Error('the request failed at its receiver');
}

function parse(body: string): Record<string, unknown> | undefined {
  try {
    const packet: unknown = JSON.parse(body);
    return typeof packet === 'object' && packet !== null ? (packet as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // The parser's own error quotes its input.
  }
}

function isRefusal(value: unknown): value is Refusal {
  if (typeof value !== 'object' || value === null) return false;
  const { code, detail, errors, retryAfterSeconds } = value as Record<string, unknown>;
  return (
    typeof code === 'string' &&
    /^[a-z][a-z0-9-]*$/.test(code) &&
    (detail === undefined || typeof detail === 'string') &&
    (retryAfterSeconds === undefined || typeof retryAfterSeconds === 'number') &&
    (errors === undefined || Array.isArray(errors))
  );
}
