/**
 * What an API token may be made for. A route names one; a route that names none takes no tokens: they sign
 * nobody in, and change no password, second factor, session or token. What cannot be undone, and what changes many records at once,
 * has a scope of its own: a token that writes contacts does not erase them.
 */
export const SCOPES = [
  'contacts:read',
  'contacts:write',
  'companies:read',
  'companies:write',
  'deals:read',
  'deals:write',
  'records:erase',
  'records:rewind',
  'records:import',
  'leads:read',
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
