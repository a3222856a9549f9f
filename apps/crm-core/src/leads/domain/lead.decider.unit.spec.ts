import { fold, Secret } from '#kernel';
import { leadDecider, type LeadCommand } from './lead.decider.js';
import type { AcceptedLead, LeadEvent, QuarantinedLead, SetAsideLead } from './lead.events.js';

const ID = '00000000-0000-8000-8000-000000000001';
const waiting = { formId: ID, receivedAt: '2026-01-01T00:00:00.000Z' };
const masked = {
  ...{ name: null, phone: null, email: null, company: null, title: null, message: null },
  attribution: {},
};
const accepted: AcceptedLead = {
  ...{ ...waiting, contactId: ID, dealId: ID, matched: false, possibleDuplicates: [], message: null, consent: null },
};
const quarantined: QuarantinedLead = {
  ...{ ...waiting, reason: 'form', content: new Secret({ sent: { attribution: {}, ip: '192.0.2.1' }, masked }) },
};
const setAside: SetAsideLead = { ...waiting, reason: 'unknown-form', content: new Secret({ received: 'sealed', masked: null }) };

const GIVEN = {
  nothing: [],
  quarantined: [{ type: 'LeadQuarantined', data: quarantined }],
  'set aside': [{ type: 'LeadSetAside', data: setAside }],
  accepted: [{ type: 'LeadAccepted', data: accepted }],
  declined: [
    { type: 'LeadQuarantined', data: quarantined },
    { type: 'LeadDeclined', data: {} },
    { type: 'LeadErased', data: { contactId: null } },
  ],
  erased: [
    { type: 'LeadAccepted', data: accepted },
    { type: 'LeadErased', data: { contactId: ID } },
  ],
} as const satisfies Record<string, readonly LeadEvent[]>;
const WHEN = {
  accept: { type: 'accept', data: accepted },
  quarantine: { type: 'quarantine', data: quarantined },
  'set-aside': { type: 'set-aside', data: setAside },
  decline: { type: 'decline' },
  erase: { type: 'erase', contactId: ID },
} as const satisfies Record<string, LeadCommand>;

/** The types of the events, or the code of the refusal. */
function outcome(given: readonly LeadEvent[], command: LeadCommand): string {
  try {
    const events = leadDecider.decide(command, fold(leadDecider, given));
    return events.map(({ type }) => type.slice('Lead'.length)).join(' ');
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('a lead', () => {
  it.each<[keyof typeof GIVEN, Record<keyof typeof WHEN, string>]>([
    ['nothing', { accept: 'Accepted', quarantine: 'Quarantined', 'set-aside': 'SetAside', decline: 'not-found', erase: '' }],
    [
      'quarantined',
      { accept: 'Released Accepted', quarantine: 'lead-settled', 'set-aside': '', decline: 'Declined Erased', erase: 'Erased' },
    ],
    [
      'set aside',
      {
        accept: 'Released Accepted',
        quarantine: 'Released Quarantined',
        'set-aside': '',
        decline: 'Declined Erased',
        erase: 'Erased',
      },
    ],
    ['accepted', { accept: '', quarantine: 'lead-settled', 'set-aside': '', decline: 'lead-settled', erase: 'Erased' }],
    ['declined', { accept: 'lead-settled', quarantine: 'lead-settled', 'set-aside': '', decline: '', erase: '' }],
    ['erased', { accept: 'lead-settled', quarantine: 'lead-settled', 'set-aside': '', decline: 'lead-settled', erase: '' }],
  ])('given %s', (given, expected) => {
    const outcomes = Object.entries(WHEN).map(([name, command]) => [name, outcome(GIVEN[given], command)]);
    expect(Object.fromEntries(outcomes)).toEqual(expected);
  });
});
