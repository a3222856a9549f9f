import type { Statement } from '#event-store';

/** In every append that changes a right, a role, a person, a department or a security setting: gateways read anew what they remember. */
export const RAISE_AUTHZ_VERSION: Statement = {
  name: 'raise authz version',
  text: 'UPDATE read.security SET authz_version = authz_version + 1',
  values: [],
};
