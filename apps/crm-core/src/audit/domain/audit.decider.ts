import { refuse, type Decider } from '#kernel';

/** What a gateway wrote down, copied into the log. Who, from where and when stand in the event's metadata. Ids and codes only. */
export type AuditEvent = {
  readonly type: 'AuditRecorded';
  readonly data: { readonly type: string; readonly details: Readonly<Record<string, unknown>> };
};
export const AUDIT_EVENT_VERSIONS = { AuditRecorded: 1 } as const;

export type AuditState = { readonly recorded: boolean };
export type AuditCommand = { readonly type: 'record'; readonly entry: AuditEvent['data'] };

/** An entry is recorded once. Each has a stream of its own, so a second copy is a lost race and nothing has to be loaded. */
export const auditDecider: Decider<AuditState, AuditCommand, AuditEvent> = {
  initialState: { recorded: false },
  decide: ({ entry }, { recorded }) => (recorded ? refuse('already-exists') : [{ type: 'AuditRecorded', data: entry }]),
  evolve: () => ({ recorded: true }),
};
