import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { IntakeForm } from '#contracts';
import { DomainError, refuse } from '#kernel';
import type { FormBook } from '../forms/form-book.js';
import { addressGroup, clientAddress, type TrustedProxies } from './client-address.js';
import { isOriginAllowed } from './origin.js';
import type { RateWindow } from './rate-window.js';

/** The one public route of ingest. */
export const LEADS_ROUTE = '/v1/forms/:formKey/leads';
const PREFLIGHT_SECONDS = '600';

/** A request that was let in: for which form, and from where. */
export interface Admission {
  readonly form: IntakeForm;
  readonly ip: string;
}

export interface DoorRules {
  readonly trustedProxies: TrustedProxies;
  readonly perAddress: RateWindow;
  readonly perForm: RateWindow;
}

/**
 * Decides about a request before its body is read: form, origin, rate, in this order. Only an allowed origin gets CORS headers, then
 * also on refusals, so that the form's page can read them.
 */
export class IntakeDoor {
  readonly #admitted = new WeakMap<FastifyRequest, Admission>();

  constructor(
    private readonly book: FormBook,
    private readonly rules: DoorRules,
  ) {}

  /** Stands before the routes of a Fastify instance. */
  guard(instance: FastifyInstance): void {
    instance.addHook('onRequest', (request, reply, done) => {
      if (request.routeOptions.url !== LEADS_ROUTE) return done();
      try {
        this.#admit(request, reply);
        done();
      } catch (error) {
        done(error as Error);
      }
    });
  }

  /** What was decided about a request of the route. */
  admissionOf(request: FastifyRequest): Admission {
    const admission = this.#admitted.get(request);
    if (admission === undefined) throw new Error('the request did not pass the door');
    return admission;
  }

  #admit(request: FastifyRequest, reply: FastifyReply): void {
    const { origin, host } = request.headers;
    const form = this.book.find((request.params as { formKey: string }).formKey);
    reply.header('vary', 'Origin, Accept');
    if (!isOriginAllowed(origin, form, host)) refuse('origin-not-allowed');
    if (origin !== undefined) corsHeaders(reply, origin);
    const forwarded = request.headers['x-forwarded-for'];
    const forwardedFor = Array.isArray(forwarded) ? forwarded.join(',') : forwarded;
    const ip = clientAddress(request.socket.remoteAddress ?? '', forwardedFor, this.rules.trustedProxies);
    if (request.method !== 'OPTIONS') this.#count(form, ip);
    this.#admitted.set(request, { form, ip });
  }

  /** The address first: one that hammers is refused without using up the form's share. */
  #count(form: IntakeForm, ip: string): void {
    const seconds = this.rules.perAddress.take(addressGroup(ip)) || this.rules.perForm.take(form.id);
    if (seconds > 0) throw new DomainError('rate-exceeded', { retryAfterSeconds: seconds });
  }
}

function corsHeaders(reply: FastifyReply, origin: string): void {
  reply.headers({
    'access-control-allow-origin': origin,
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': 'Content-Type, Idempotency-Key',
    'access-control-expose-headers': 'Retry-After, X-Request-Id',
    'access-control-max-age': PREFLIGHT_SECONDS,
    'cross-origin-resource-policy': 'cross-origin',
  });
}
