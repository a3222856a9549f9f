import type { IntakeForm } from '#contracts';

/**
 * Whether a page of this origin may send leads to the form: one that the form lists, or ingest's own. Without an Origin no browser
 * page is asking. `null`, the origin of sandboxed and local pages, is foreign whatever is listed.
 */
export function isOriginAllowed(origin: string | undefined, form: IntakeForm, host: string | undefined): boolean {
  if (origin === undefined) return true;
  if (!URL.canParse(origin)) return false;
  return form.allowedOrigins.includes(origin) || (host !== undefined && new URL(origin).host === host.toLowerCase());
}
