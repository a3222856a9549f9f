import { z } from 'zod';
import { MEASURES } from './watch.js';

const uniqueIds = z.array(z.uuid().toLowerCase()).min(1).max(500);

/** One limit. `max` counts whole openings or rows. */
export const limitSchema = z.strictObject({
  measure: z.enum(MEASURES),
  window: z.enum(['hour', 'day']),
  max: z.int().min(0).max(1_000_000),
  action: z.enum(['deactivate', 'refuse', 'alert']),
  scope: z.union([
    z.strictObject({ everyone: z.literal(true) }),
    z.strictObject({ roleIds: uniqueIds }),
    z.strictObject({ userIds: uniqueIds }),
  ]),
});
export type Limit = z.infer<typeof limitSchema>;

/** The body of `PUT /v1/settings/security`, and of `read.security.settings` (without `confirmEmpty`). Entries are judged by core. */
export const securitySettingsSchema = z.strictObject({
  timeZone: z.string().max(64),
  defaultRegion: z.string().regex(/^[A-Z]{2}$/),
  hidePhones: z.boolean(),
  hideEmails: z.boolean(),
  ipAllowList: z.strictObject({
    enabled: z.boolean(),
    exemptAdmins: z.boolean(),
    entries: z.array(z.strictObject({ cidr: z.string().max(64), note: z.string().max(200).default('') })).max(1000),
    confirmEmpty: z.boolean().optional(),
  }),
  api: z.strictObject({ adminsOnly: z.boolean() }),
  activityMonitoring: z.strictObject({
    enabled: z.boolean(),
    windowing: z.enum(['rolling', 'calendar']),
    counting: z.enum(['distinct', 'opens']),
    exemptAdmins: z.boolean(),
    limits: z.array(limitSchema).max(500),
  }),
});
export type SecuritySettings = z.infer<typeof securitySettingsSchema>;

/** What a first start has. */
export const FIRST_SECURITY_SETTINGS: SecuritySettings = {
  timeZone: 'Europe/Moscow',
  defaultRegion: 'RU',
  hidePhones: true,
  hideEmails: true,
  ipAllowList: { enabled: false, exemptAdmins: true, entries: [] },
  api: { adminsOnly: true },
  activityMonitoring: { enabled: true, windowing: 'rolling', counting: 'distinct', exemptAdmins: true, limits: [] },
};
