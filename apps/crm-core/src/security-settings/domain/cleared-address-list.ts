import type { SecuritySettings } from '#contracts';

/** The settings without an allow-list: switched off, and no entry left. The same settings when there is none already. */
export function withoutAddressList(settings: SecuritySettings): SecuritySettings {
  const { enabled, entries, exemptAdmins } = settings.ipAllowList;
  if (!enabled && entries.length === 0) return settings;
  return { ...settings, ipAllowList: { enabled: false, exemptAdmins, entries: [] } };
}
