import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import type { QuarantineReason } from '#contracts';
import { Secret } from '#kernel';
import type { Statement } from '#event-store';
import { contactAggregate } from '../contacts/contact.aggregate.js';
import { dealAggregate } from '../deals/deal.aggregate.js';
import type { DealPlace } from '../deals/domain/deal.events.js';
import { streamOf } from '../log/aggregate.js';
import { streamChange, type AnyStreamChange, type CrmLog } from '../log/crm-log.js';
import { requireStage } from '../pipelines/stage-guards.js';
import { lookupForm, type ContactPoint } from '../records/domain/contact-point.js';
import { personalText } from '../records/domain/personal-text.js';
import type { LeadCommand } from './domain/lead.decider.js';
import type { SentLead } from './domain/lead.events.js';
import {
  addedPoints,
  dealNote,
  leadAttribution,
  leadMessage,
  leadPoints,
  maskedLead,
  newContactFields,
} from './domain/lead.planning.js';
import { leadTitle } from './domain/lead-title.js';
import type { LeadTerms, Responsible, Terms } from './lead-terms.js';

/** A lead that something is to become of. */
export interface OpenLead {
  readonly leadId: string;
  readonly receivedAt: string;
  readonly sent: SentLead;
}

/** What becomes of a lead: its own command, and everything that goes into the append with it. */
export interface LeadPlan {
  readonly command: Extract<LeadCommand, { readonly type: 'accept' | 'quarantine' }>;
  readonly together: readonly AnyStreamChange[];
  readonly locks: readonly string[];
  readonly guards: readonly Statement[];
  readonly statements: readonly Statement[];
}

/** A lookup value with the contacts that have it now. */
interface Match {
  readonly blind: Buffer;
  readonly contactIds: readonly string[];
}

interface PlannedContact {
  readonly id: string;
  readonly matched: boolean;
  readonly possibleDuplicates: readonly string[];
  readonly changes: readonly AnyStreamChange[];
}

/** Plans what a lead becomes: a contact, found or new, and a deal; the guards of the plan raise when it was overtaken. */
export class LeadPlanner {
  constructor(
    private readonly log: CrmLog,
    private readonly pool: Pool,
    private readonly terms: LeadTerms,
  ) {}

  /** Put aside until somebody has looked at it. */
  quarantine({ receivedAt, sent }: OpenLead, { formId, settings }: Terms, reason: QuarantineReason): LeadPlan {
    const content = new Secret({ sent, masked: maskedLead(sent, settings.defaultRegion) });
    const command = { type: 'quarantine', data: { formId, receivedAt, reason, content } } as const;
    return { command, together: [], locks: [], guards: [], statements: [] };
  }

  /** A contact, known or new, and a deal. */
  async acceptance(lead: OpenLead, terms: Terms): Promise<LeadPlan> {
    const { sent, receivedAt } = lead;
    const region = terms.settings.defaultRegion;
    const points = leadPoints(sent, { phone: uuidv7(), email: uuidv7() }, region);
    const [matches, place, responsible] = await Promise.all([
      this.matchesOf(points),
      this.terms.placeFor(terms.form),
      this.terms.responsibleFor(terms),
    ]);
    const contact = await this.contactOf(lead, points, matches, responsible, region);
    const deal = await this.dealOf(lead, terms, place, contact.id, responsible);
    return {
      command: {
        type: 'accept',
        data: {
          ...{ formId: terms.formId, contactId: contact.id, dealId: deal.id, receivedAt, matched: contact.matched },
          possibleDuplicates: contact.possibleDuplicates,
          message: leadMessage(sent, region),
          consent: sent.consent ?? null,
        },
      },
      together: [...contact.changes, deal.change],
      // The contact too: who is being erased is matched no more.
      locks: [
        ...matches.map(({ blind }) => `point:${blind.toString('hex')}`),
        ...(contact.matched ? [streamOf(contactAggregate, contact.id)] : []),
        ...responsible.locks,
      ],
      guards: [...matches.map(requireContacts), ...responsible.guards],
      statements: [requireStage(place.pipelineId, place.stageId)],
    };
  }

  /** Telephone first, then e-mail: exact, by lookup value. */
  private async matchesOf(points: readonly ContactPoint[]): Promise<readonly Match[]> {
    const blinds = points.flatMap((point) => {
      const form = lookupForm(point);
      return form === null ? [] : [this.log.lookupValue(point.kind, form)];
    });
    if (blinds.length === 0) return [];
    const result = await this.pool.query<{ ids: string[] }>({
      name: 'lead matches',
      text: 'SELECT vault.contacts_with(b.blind) AS ids FROM unnest($1::bytea[]) WITH ORDINALITY AS b(blind, n) ORDER BY b.n',
      values: [blinds],
    });
    return blinds.map((blind, index) => ({ blind, contactIds: result.rows[index]?.ids ?? [] }));
  }

  /** One match is the contact; none, or several of which nobody can say which it is, make a new one. */
  private async contactOf(
    { leadId, sent }: OpenLead,
    points: readonly ContactPoint[],
    matches: readonly Match[],
    responsible: Responsible,
    region: string,
  ): Promise<PlannedContact> {
    const known = matches.find(({ contactIds }) => contactIds.length > 0)?.contactIds ?? [];
    const [only, ...others] = known;
    if (only !== undefined && others.length === 0) {
      const { state, version } = await this.log.load(contactAggregate, only);
      if (state.phase === 'live') {
        const events = contactAggregate.decide({ type: 'change', changes: addedPoints(state.fields, points) }, state);
        const change = streamChange({ aggregate: contactAggregate, id: only, version, events });
        return { id: only, matched: true, possibleDuplicates: [], changes: events.length === 0 ? [] : [change] };
      }
    }
    const id = uuidv7();
    const fields = newContactFields(sent, points, region);
    const create = { type: 'create', fields, responsibleId: responsible.id, leadId } as const;
    const events = contactAggregate.decide(create, contactAggregate.initialState);
    const changes = [streamChange({ aggregate: contactAggregate, id, version: 0, events })];
    return { id, matched: false, possibleDuplicates: others.length === 0 ? [] : known, changes };
  }

  private async dealOf(
    { leadId, receivedAt, sent }: OpenLead,
    { form, settings }: Terms,
    place: DealPlace,
    contactId: string,
    responsible: Responsible,
  ): Promise<{ id: string; change: AnyStreamChange }> {
    const region = settings.defaultRegion;
    const title = leadTitle({
      ...{ template: form.titleTemplate, form: form.name, receivedAt, timeZone: settings.timeZone },
      number: form.titleTemplate.includes('{number}') ? await this.nextNumber() : 0,
    });
    const fields = {
      ...{ title: personalText(title, region), amount: null, contactIds: [contactId], companyId: null },
      ...{ note: dealNote(sent, region), tags: [], customFields: {} },
    };
    const id = uuidv7();
    const attribution = leadAttribution(sent, region);
    const create = { type: 'create', fields, ...place, attribution, responsibleId: responsible.id, leadId } as const;
    const events = dealAggregate.decide(create, dealAggregate.initialState);
    return { id, change: streamChange({ aggregate: dealAggregate, id, version: 0, events }) };
  }

  private async nextNumber(): Promise<number> {
    const result = await this.pool.query<{ number: string }>(`SELECT nextval('es.lead_numbers') AS number`);
    return Number(result.rows[0]?.number);
  }
}

function requireContacts({ blind, contactIds }: Match): Statement {
  return { name: 'require contacts', text: 'SELECT vault.require_contacts($1, $2::uuid[])', values: [blind, contactIds] };
}
