/** NATS subjects and streams. A subject carries ids at most, never a value of a person. */
export const STREAMS = {
  /** Facts of the log: ids and changed field names. */
  crm: { name: 'CRM', subjects: ['crm.event.>'] },
  /** What the gate wrote: views, lists, refusals. */
  watch: { name: 'WATCH', subjects: ['watch.event.>'] },
  /** Cut-offs and their confirmations. */
  access: { name: 'ACCESS', subjects: ['access.user.deactivated', 'access.cutoff.applied'] },
  alarms: { name: 'ALARMS', subjects: ['alarm.>'] },
  leads: { name: 'LEADS', subjects: ['lead.received.*'] },
} as const;

export const SUBJECTS = {
  command: (name: string) => `crm.command.${name}`,
  query: (name: string) => `crm.query.${name}`,
  monitorQuery: (name: string) => `monitor.query.${name}`,
  /** Where gateways want its answers, one more word for each: within their inboxes, and written to by monitors alone. */
  monitorAnswers: '_INBOX_gateway.monitor',
  crmEvent: (type: string) => `crm.event.${type}`,
  /** Partition of the viewer (0 to 63), then the type: `watch.event.17.card.viewed`. */
  watchEvent: (partition: number, type: WatchEventType) => `watch.event.${partition}.${type}`,
  userDeactivated: 'access.user.deactivated',
  cutoffApplied: 'access.cutoff.applied',
  /** Core NATS, once a second from each gateway and core: who has to confirm a cut-off. */
  heartbeat: (service: string) => `access.heartbeat.${service}`,
  alarm: (type: string) => `alarm.${type}`,
  leadReceived: (formId: string) => `lead.received.${formId}`,
  /** Ingest asks core: the forms in force and core's public key. */
  leadForms: 'lead.forms',
  /** Ingest asks core by ids: which leads are safe. */
  leadCommitted: 'lead.committed',
  /** Core tells ingest that a form changed (no payload). */
  formsChanged: 'forms.changed',
} as const;

export type WatchEventType = 'card.viewed' | 'list.viewed' | 'action.admitted' | 'view.refused';

/** How many partitions of people the watch stream has. */
export const WATCH_PARTITIONS = 64;

/** The partition of a person: the first byte of his UUID's random tail, modulo 64 (spread by the id's own randomness). */
export function watchPartition(userId: string): number {
  return Number.parseInt(userId.slice(-2), 16) % WATCH_PARTITIONS;
}
