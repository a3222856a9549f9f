import { isDeepStrictEqual } from 'node:util';
import { FIRST_SECURITY_SETTINGS, type SecuritySettings } from '#contracts';
import type { Aggregate } from '../log/aggregate.js';
import { RAISE_AUTHZ, updateRow } from '../log/row-change.js';
import { weakenings } from './domain/weakening.js';

export type SecuritySettingsEvent = {
  readonly type: 'SecuritySettingsChanged';
  readonly data: { readonly settings: SecuritySettings; readonly before: SecuritySettings; readonly weakened: readonly string[] };
};
export type SecuritySettingsCommand = { readonly type: 'change'; readonly settings: SecuritySettings };

/** There is one: its stream has a fixed id. */
export const SECURITY_SETTINGS_ID = '00000000-0000-8000-8000-000000000001';

export const securitySettingsAggregate: Aggregate<SecuritySettings, SecuritySettingsCommand, SecuritySettingsEvent> = {
  initialState: FIRST_SECURITY_SETTINGS,
  decide({ settings }, before) {
    if (isDeepStrictEqual(settings, before)) return [];
    return [{ type: 'SecuritySettingsChanged', data: { settings, before, weakened: weakenings(before, settings) } }];
  },
  evolve: (_, event) => event.data.settings,
  category: 'security-settings',
  sealed: false,
  eventVersions: { SecuritySettingsChanged: 1 },
  project: ({ event, version }) => [
    updateRow('read.security', true, version, { settings: JSON.stringify(event.data.settings) }),
    RAISE_AUTHZ,
  ],
};
