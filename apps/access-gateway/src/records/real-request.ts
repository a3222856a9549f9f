import type { IncomingHttpHeaders } from 'node:http';
import { DomainError } from '#kernel';

/** Why a request is refused that nobody made who looks: a prefetch, or a page of another site. Null for all others: only real openings count. */
export function refusalOfUnreal(headers: IncomingHttpHeaders): DomainError | null {
  const purpose = `${String(headers['sec-purpose'] ?? '')} ${String(headers['purpose'] ?? '')}`.toLowerCase();
  if (purpose.includes('prefetch') || purpose.includes('prerender')) return new DomainError('prefetch-refused');
  return headers['sec-fetch-site'] === 'cross-site' ? new DomainError('forbidden') : null;
}

/** Throws `prefetch-refused` and `forbidden`. */
export function requireRealRequest({ headers }: { readonly headers: IncomingHttpHeaders }): void {
  const refusal = refusalOfUnreal(headers);
  if (refusal !== null) throw refusal;
}
