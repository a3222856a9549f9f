/** What an API token may be made for (http-api.md "API tokens"). A route names one; a route that names none takes no tokens. */
export const SCOPES = [
  'contacts:read',
  'contacts:write',
  'companies:read',
  'companies:write',
  'deals:read',
  'deals:write',
  'leads:write',
  'telephony',
  'users:read',
  'users:write',
  'settings:read',
  'settings:write',
  'forms:read',
  'forms:write',
  'monitoring:read',
] as const;
export type Scope = (typeof SCOPES)[number];

export function isScope(text: string): text is Scope {
  return SCOPES.some((scope) => scope === text);
}
