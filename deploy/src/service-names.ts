/** The four services, in the order in which their migrations run. */
export const SERVICES = ['crm-core', 'activity-monitor', 'access-gateway', 'lead-ingest'] as const;
export type Service = (typeof SERVICES)[number];
