import type { IncomingHttpHeaders } from 'node:http';
import { refuse } from '#kernel';

/** The code by which a request is refused that nobody made who looks: a prefetch, or a page of another site. Null for all others. */
export function refusalOfUnreal(headers: IncomingHttpHeaders): 'prefetch-refused' | 'forbidden' | null {
  const purpose = `${String(headers['sec-purpose'] ?? '')} ${String(headers['purpose'] ?? '')}`.toLowerCase();
  if (purpose.includes('prefetch') || purpose.includes('prerender')) return 'prefetch-refused';
  return headers['sec-fetch-site'] === 'cross-site' ? 'forbidden' : null;
}

/** Only real openings count. Throws `prefetch-refused` and `forbidden`. */
export function requireRealRequest({ headers }: { readonly headers: IncomingHttpHeaders }): void {
  const code = refusalOfUnreal(headers);
  if (code !== null) refuse(code);
}
