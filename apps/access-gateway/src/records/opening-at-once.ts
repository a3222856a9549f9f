import type { FastifyRequest } from 'fastify';
import { isUuid } from '#kernel';
import type { Authentication } from '../requests/authentication.js';
import type { DoneAtOnce } from '../requests/request-hook.js';
import { refusalOfUnreal } from './real-request.js';
import { COMPANIES, CONTACTS, DEALS } from './record-kind.js';
import type { Records } from './records.js';

const KINDS = { contact: CONTACTS, company: COMPANIES, deal: DEALS } as const;

/**
 * Opens cards in the statement that looks at the session (ADR 39). Only for a request that nothing is left to refuse of but by the statement:
 * everything else is decided about in the usual order.
 */
export function openingAtOnce(authentication: Authentication, records: Records): DoneAtOnce {
  return async (request, arrival) => {
    const kind = arrival.rules.opens && KINDS[arrival.rules.opens];
    const id = plainlyOpened(request);
    if (kind === undefined || id === null) return null;
    const presumption = authentication.presume(arrival);
    if (presumption === null) return null;
    const opened = await records.openAtOnce(kind, presumption, id);
    if (opened === null) return null;
    authentication.confirmed(presumption, opened.isUnseen);
    return presumption.who;
  };
}

/** The record whose card as it is now, and nothing else, is asked for in a way that is in order; else null. */
function plainlyOpened({ params, query, headers }: FastifyRequest): string | null {
  const id = String((params as { readonly id?: unknown }).id).toLowerCase();
  return isUuid(id) && Object.keys(query as object).length === 0 && refusalOfUnreal(headers) === null ? id : null;
}
