import type { ProjectedEvent } from '../log/aggregate.js';
import { insertRow, type RowChange } from '../log/row-change.js';

type Values = Readonly<Record<string, unknown>>;
/** How an event stands in the audit trail. `details` is given the id of the aggregate and the data; secrets stay unopened there. */
interface Line {
  readonly type: string;
  readonly details: (id: string, data: Values) => Values;
}

/** The names of the changed fields, and the values of those named in `shown`: ids and codes, never words of people. */
const fieldsOf =
  (idName: string, ...shown: readonly string[]): Line['details'] =>
  (id, data) => ({
    [idName]: id,
    // In an order of their own: the log does not keep the one they were written in.
    fields: Object.keys(data)
      .filter((name) => name !== 'weakened')
      .sort(),
    ...Object.fromEntries(shown.filter((name) => data[name] !== undefined).map((name) => [name, data[name]])),
  });
const idOf =
  (idName: string, ...shown: readonly string[]): Line['details'] =>
  (id, data) => {
    const details: Record<string, unknown> = { [idName]: id };
    for (const name of shown) details[name] = data[name] ?? null;
    return details;
  };

/** A contact point of a record, as `{contactId, phoneId}` and the like. */
const pointOf = (kind: 'phone' | 'email', { recordType, recordId, pointId, phoneId }: Values): Values => ({
  [`${String(recordType)}Id`]: recordId,
  [`${kind}Id`]: pointId ?? phoneId,
});
/** With the rights that somebody came to by it, before and after; events of when nobody looked stand as they stood. */
const withWeakened =
  (details: Line['details']): Line['details'] =>
  (id, data) => {
    const { weakened } = data;
    return { ...details(id, data), ...(Array.isArray(weakened) && weakened.length > 0 ? { weakened } : {}) };
  };
/** Why stands in `read.reveals`: words about a person go with him, and lines of the trail stay. */
const REVEALED =
  (kind: 'phone' | 'email'): Line['details'] =>
  (revealId, data) => ({ revealId, ...pointOf(kind, data) });

const USER_FIELDS = ['roleIds', 'departmentId', 'isAdmin'];
const ROLE_FIELDS = ['extendsId', 'grants', 'requireSecondFactor', 'weakened'];
const ERASURE_FIELDS = ['reason', 'requestRef', 'categories', 'erasedDealIds', 'keptDealIds', 'erasedLeadIds'];
const FORM_FIELDS = [
  ...[
    'enabled',
    'assign',
    'pipelineId',
    'stageId',
    'requireConsent',
    'requireSignature',
    'quarantine',
    'quarantineAfter',
    'format',
  ],
];

/** The events of the log that stand in the audit trail, by type. What is not here is history of a record and nothing more. */
const LINES: Readonly<Record<string, Line>> = {
  AuditRecorded: { type: '', details: (_, data) => (data['details'] ?? {}) as Values },
  SecuritySettingsChanged: {
    type: 'settings.changed',
    details: (_, { before, settings, weakened }) => ({ before, after: settings, weakened }),
  },
  UserCreated: { type: 'user.created', details: withWeakened(fieldsOf('userId', ...USER_FIELDS)) },
  UserInvited: { type: 'user.invited', details: withWeakened(fieldsOf('userId', ...USER_FIELDS)) },
  UserActivated: { type: 'user.activated', details: idOf('userId', 'status') },
  UserChanged: { type: 'user.changed', details: withWeakened(fieldsOf('userId', ...USER_FIELDS)) },
  UserDeactivated: { type: 'user.deactivated', details: idOf('userId', 'epoch', 'cause') },
  UserReactivated: { type: 'user.reactivated', details: idOf('userId', 'epoch', 'reason') },
  RoleCreated: { type: 'role.created', details: fieldsOf('roleId', ...ROLE_FIELDS) },
  RoleChanged: { type: 'role.changed', details: fieldsOf('roleId', ...ROLE_FIELDS) },
  DepartmentCreated: { type: 'department.created', details: fieldsOf('departmentId', 'parentId') },
  DepartmentChanged: { type: 'department.changed', details: withWeakened(fieldsOf('departmentId', 'parentId')) },
  RoleDeleted: { type: 'role.deleted', details: idOf('roleId') },
  DepartmentRolesChanged: { type: 'department.changed', details: withWeakened(idOf('departmentId', 'roleIds')) },
  DepartmentDeleted: { type: 'department.deleted', details: idOf('departmentId') },
  FormCreated: { type: 'form.created', details: fieldsOf('formId', ...FORM_FIELDS) },
  FormChanged: { type: 'form.changed', details: fieldsOf('formId', ...FORM_FIELDS) },
  FormKeyRotated: { type: 'form.key-rotated', details: idOf('formId') },
  FormDeleted: { type: 'form.deleted', details: idOf('formId') },
  FormSecretSet: { type: 'form.secret-set', details: idOf('formId', 'generated') },
  LeadQuarantined: { type: 'lead.quarantined', details: idOf('leadId', 'formId', 'reason') },
  LeadSetAside: { type: 'lead.set-aside', details: idOf('leadId', 'formId', 'reason') },
  LeadReleased: { type: 'lead.released', details: idOf('leadId', 'from') },
  LeadDeclined: { type: 'lead.declined', details: idOf('leadId') },
  PipelineCreated: { type: 'pipeline.created', details: fieldsOf('pipelineId') },
  PipelineChanged: { type: 'pipeline.changed', details: fieldsOf('pipelineId') },
  CustomFieldDefined: { type: 'custom-field.defined', details: idOf('customFieldId', 'recordType', 'type') },
  CustomFieldDeleted: { type: 'custom-field.deleted', details: idOf('customFieldId') },
  RewindStarted: {
    type: 'rewind.started',
    details: idOf('rewindId', 'userId', 'since', 'until', 'changes', 'conflicts', 'hides'),
  },
  RewindFinished: { type: 'rewind.finished', details: idOf('rewindId', 'outcome', 'changes', 'conflicts') },
  ContactErased: { type: 'contact.erased', details: idOf('contactId', ...ERASURE_FIELDS) },
  ContactDeleted: { type: 'contact.deleted', details: idOf('contactId') },
  ContactRestored: { type: 'contact.restored', details: idOf('contactId') },
  ContactAssigned: { type: 'contact.assigned', details: idOf('contactId', 'responsibleId') },
  CompanyDeleted: { type: 'company.deleted', details: idOf('companyId') },
  CompanyRestored: { type: 'company.restored', details: idOf('companyId') },
  CompanyAssigned: { type: 'company.assigned', details: idOf('companyId', 'responsibleId') },
  PhoneRevealed: { type: 'phone.revealed', details: REVEALED('phone') },
  EmailRevealed: { type: 'email.revealed', details: REVEALED('email') },
  PhoneLookedUp: { type: 'phone.lookedUp', details: (_, { matches }) => ({ matches }) },
  CallPlaced: { type: 'call.placed', details: (callId, data) => ({ callId, ...pointOf('phone', data) }) },
  CallFailed: { type: 'call.failed', details: idOf('callId', 'cause') },
  CallReceived: {
    type: 'call.received',
    details: (callId, { from, line }) => ({ callId, ...(from === null ? {} : pointOf('phone', from as Values)), line }),
  },
  DealDeleted: { type: 'deal.deleted', details: idOf('dealId') },
  DealRestored: { type: 'deal.restored', details: idOf('dealId') },
  DealAssigned: { type: 'deal.assigned', details: idOf('dealId', 'responsibleId') },
};

export const AUDITED_EVENT_TYPES: readonly string[] = Object.keys(LINES);

/** The line of the trail that an event is, or none. Pure, and the same at the append and in a rebuild. */
export function auditRowsOf({ event, id, aggregateId, metadata }: ProjectedEvent): readonly RowChange[] {
  const line = Object.hasOwn(LINES, event.type) ? LINES[event.type] : undefined;
  if (line === undefined) return [];
  const data = event.data as Values;
  const type = event.type === 'AuditRecorded' ? String(data['type']) : line.type;
  const details = JSON.stringify(line.details(aggregateId, data));
  return [insertRow('read.audit', { id, at: metadata.at, type, actor_id: metadata.actorId, ip: metadata.ip, details })];
}
