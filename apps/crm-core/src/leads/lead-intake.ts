import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { DomainError, refuse } from '#kernel';
import { VersionConflict, type EventMetadata, type Statement } from '#event-store';
import {
  leadContext,
  sealedLeadSchema,
  type LeadReceived,
  type SealedLead,
  type SecuritySettings,
} from '#contracts';
import { openEnvelope, type ReceiverKeys } from '#privacy';
import { contactAggregate } from '../contacts/contact.aggregate.js';
import { dealAggregate } from '../deals/deal.aggregate.js';
import type { DealPlace } from '../deals/domain/deal.events.js';
import type { FormFields } from '../forms/domain/form.events.js';
import { streamOf } from '../log/aggregate.js';
import { streamChange, type AnyStreamChange, type CrmLog } from '../log/crm-log.js';
import { requireStage } from '../pipelines/stage-guards.js';
import { lookupForm, type ContactPoint } from '../records/domain/contact-point.js';
import { personalText } from '../records/domain/personal-text.js';
import type { RecordReferences } from '../records/record-references.js';
import { addedPoints, leadAttribution, leadMessage, leadPoints, newContactFields } from './domain/lead.planning.js';
import { leadTitle, nextInTurn } from './domain/lead-title.js';
import { leadAggregate } from './lead.aggregate.js';

/** How often a lead is planned anew when another changed what it builds on. */
const ATTEMPTS = 8;
/** How often a turn is asked for while others take theirs; then the lead comes again later. */
const TURN_ATTEMPTS = 100;

interface Form extends Omit<FormFields, 'name' | 'enabled'> {
  readonly name: string;
}

/** What a form says of its leads, and who gets this one. */
interface Terms {
  readonly form: Form;
  readonly settings: SecuritySettings;
  readonly responsibleId: string | null;
}

/** The points of a lead with their lookup values and the contacts that have them now. */
interface Match {
  readonly blind: Buffer;
  readonly contactIds: readonly string[];
}

/** The process manager of leads: one append a lead, once a lead id, to a contact and a deal. */
export class LeadIntake {
  constructor(
    private readonly log: CrmLog,
    private readonly pool: Pool,
    private readonly receiver: ReceiverKeys,
    private readonly references: RecordReferences,
  ) {}

  /**
   * Takes one lead. Taken before, however long ago: nothing, for the lead's own stream tells. Throws on what cannot be processed
   * (now); nothing has changed then.
   */
  async process(received: LeadReceived): Promise<void> {
    if (await this.isTaken(received.leadId)) return;
    const plain = await openEnvelope(this.receiver.privateKey, received.sealed, leadContext(received.leadId));
    const lead = sealedLeadSchema.parse(JSON.parse(Buffer.from(plain).toString('utf8')));
    const terms = await this.termsOf(received.formId);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.accept(received, lead, terms);
      } catch (error) {
        if (!isLostRace(error) || attempt === ATTEMPTS) throw error;
        if (await this.isTaken(received.leadId)) return;
      }
    }
  }

  /** Puts a lead that failed too often aside, sealed as it came. `reasonCode` is a code, never text of the lead. */
  async setAside(received: LeadReceived, reasonCode: string): Promise<void> {
    await this.pool.query(
      `INSERT INTO es.leads_set_aside (lead_id, form_id, reason_code, received) VALUES ($1, $2, $3, $4::jsonb) ON CONFLICT DO NOTHING`,
      [received.leadId, received.formId, reasonCode, JSON.stringify(received)],
    );
  }

  /** Those of the leads that core has for good: made into records, or set aside. */
  async committed(leadIds: readonly string[]): Promise<readonly string[]> {
    const [recorded, aside] = await Promise.all([
      this.log.existing(leadAggregate, leadIds),
      this.pool.query<{ id: string }>('SELECT lead_id AS id FROM es.leads_set_aside WHERE lead_id = ANY($1::uuid[])', [leadIds]),
    ]);
    return [...new Set([...recorded, ...aside.rows.map(({ id }) => id)])];
  }

  /** A lead that was set aside is tried again by an administrator, not by its coming again. */
  private async isTaken(leadId: string): Promise<boolean> {
    return (await this.committed([leadId])).length > 0;
  }

  private async accept(received: LeadReceived, lead: SealedLead, terms: Terms): Promise<void> {
    const { form, settings, responsibleId } = terms;
    const region = settings.defaultRegion;
    const points = leadPoints(lead, { phone: uuidv7(), email: uuidv7() }, region);
    const matches = await this.matchesOf(points);
    const contact = await this.contactChange(lead, points, matches, responsibleId, received.leadId, region);
    const deal = await this.dealChange(received, lead, form, settings, contact.id, responsibleId);
    const accepted = leadAggregate.decide(
      {
        type: 'accept',
        data: {
          formId: received.formId,
          contactId: contact.id,
          dealId: deal.id,
          receivedAt: received.receivedAt,
          matched: contact.matched,
          message: leadMessage(lead, region),
          consent: lead.consent ?? null,
        },
      },
      leadAggregate.initialState,
    );
    await this.log.append(
      [
        streamChange({ aggregate: leadAggregate, id: received.leadId, version: 0, events: accepted }),
        ...contact.changes,
        deal.change,
      ],
      {
        metadata: metadataOf(received, lead),
        // The contact too: who is being erased is matched no more.
        locks: [...matches.map(({ blind }) => `point:${blind.toString('hex')}`), streamOf(contactAggregate, contact.id)],
        guards: matches.map(({ blind, contactIds }) => requireContacts(blind, contactIds)),
        statements: [requireStage(deal.place.pipelineId, deal.place.stageId)],
      },
    );
  }

  /** The form as it is, and whose turn it is: taken once, however often the append is tried. */
  private async termsOf(formId: string): Promise<Terms> {
    const result = await this.pool.query<{ name: string; fields: Form; settings: SecuritySettings }>(
      `SELECT f.name, f.settings AS fields, s.settings FROM read.forms f, read.security s WHERE f.id = $1`,
      [formId],
    );
    const row = result.rows[0];
    if (row === undefined) return refuse('unknown-form');
    const form = { ...row.fields, name: row.name };
    return { form, settings: row.settings, responsibleId: await this.responsibleFor(formId, form) };
  }

  /** Telephone first, then e-mail: exact, by lookup value. */
  private async matchesOf(points: readonly ContactPoint[]): Promise<readonly Match[]> {
    const blinds = points.flatMap((point) => {
      const form = lookupForm(point);
      return form === null ? [] : [this.log.lookupValue(point.kind, form)];
    });
    return Promise.all(
      blinds.map(async (blind) => {
        const result = await this.pool.query<{ ids: string[] }>('SELECT vault.contacts_with($1) AS ids', [blind]);
        return { blind, contactIds: result.rows[0]?.ids ?? [] };
      }),
    );
  }

  private async contactChange(
    lead: SealedLead,
    points: readonly ContactPoint[],
    matches: readonly Match[],
    responsibleId: string | null,
    leadId: string,
    region: string,
  ): Promise<{ id: string; matched: boolean; changes: readonly AnyStreamChange[] }> {
    const known = matches.find(({ contactIds }) => contactIds.length > 0)?.contactIds ?? [];
    const [only] = known;
    if (only !== undefined && known.length === 1) {
      const { state, version } = await this.log.load(contactAggregate, only);
      if (state.phase === 'live') {
        const events = contactAggregate.decide({ type: 'change', changes: addedPoints(state.fields, points) }, state);
        const change = streamChange({ aggregate: contactAggregate, id: only, version, events });
        return { id: only, matched: true, changes: events.length === 0 ? [] : [change] };
      }
    }
    const id = uuidv7();
    const fields = newContactFields(lead, points, region);
    const events = contactAggregate.decide({ type: 'create', fields, responsibleId, leadId }, contactAggregate.initialState);
    return { id, matched: false, changes: [streamChange({ aggregate: contactAggregate, id, version: 0, events })] };
  }

  private async dealChange(
    received: LeadReceived,
    lead: SealedLead,
    form: Form,
    settings: SecuritySettings,
    contactId: string,
    responsibleId: string | null,
  ): Promise<{ id: string; place: DealPlace; change: AnyStreamChange }> {
    const region = settings.defaultRegion;
    const place = await this.placeFor(form);
    const number = await this.pool.query<{ number: number }>(`SELECT nextval('es.lead_numbers') AS number`);
    const title = leadTitle({
      template: form.titleTemplate,
      form: form.name,
      receivedAt: received.receivedAt,
      timeZone: settings.timeZone,
      number: Number(number.rows[0]?.number),
    });
    const fields = {
      title: personalText(title, region),
      amount: null,
      contactIds: [contactId],
      companyId: null,
      note: leadMessage(lead, region),
      tags: [],
      customFields: {},
    };
    const id = uuidv7();
    const events = dealAggregate.decide(
      { type: 'create', fields, ...place, attribution: leadAttribution(lead, region), responsibleId, leadId: received.leadId },
      dealAggregate.initialState,
    );
    return { id, place, change: streamChange({ aggregate: dealAggregate, id, version: 0, events }) };
  }

  /** Where the form says, or, when that stage was taken away, where deals of its pipeline start: a lead is not lost for a stage. */
  private async placeFor({ pipelineId, stageId }: Form): Promise<DealPlace> {
    try {
      return await this.references.resolveStage(pipelineId ?? undefined, stageId ?? undefined);
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'unknown-reference') throw error;
      return this.references.resolveStage(pipelineId ?? undefined, undefined);
    }
  }

  /** One person, the next active member of a department, or nobody. */
  private async responsibleFor(formId: string, { assign }: Form): Promise<string | null> {
    if (assign === null) return null;
    const [column, id] = 'userId' in assign ? ['user_id', assign.userId] : ['department_id', assign.departmentId];
    const active = await this.pool.query<{ user_id: string }>(
      `SELECT user_id FROM read.principals WHERE ${column} = $1 AND status = 'active'`,
      [id],
    );
    const memberIds = active.rows.map((row) => row.user_id);
    return memberIds.length < 2 ? (memberIds[0] ?? null) : this.takeTurn(formId, memberIds);
  }

  /** Leads side by side take turns one after another: the turn moves on only from where it was read. */
  private async takeTurn(formId: string, memberIds: readonly string[]): Promise<string | null> {
    for (let attempt = 1; attempt <= TURN_ATTEMPTS; attempt += 1) {
      const last = await this.pool.query<{ user_id: string }>('SELECT user_id FROM es.form_turns WHERE form_id = $1', [formId]);
      const lastId = last.rows[0]?.user_id ?? null;
      const nextId = nextInTurn(memberIds, lastId);
      const taken = await this.pool.query(
        `INSERT INTO es.form_turns AS t (form_id, user_id) VALUES ($1, $2)
         ON CONFLICT (form_id) DO UPDATE SET user_id = excluded.user_id WHERE t.user_id = $3`,
        [formId, nextId, lastId],
      );
      if (taken.rowCount === 1) return nextId;
    }
    return refuse('dependency-unavailable');
  }
}

function requireContacts(blind: Buffer, contactIds: readonly string[]): Statement {
  return { name: 'require contacts', text: 'SELECT vault.require_contacts($1, $2::uuid[])', values: [blind, contactIds] };
}

function isLostRace(error: unknown): boolean {
  return error instanceof VersionConflict || ['PA011', 'PA017'].includes(String((error as { code?: unknown } | null)?.code));
}

function metadataOf(received: LeadReceived, lead: SealedLead): EventMetadata {
  return {
    actorId: null,
    sessionId: null,
    tokenId: null,
    ip: lead.ip,
    commandId: received.leadId,
    correlationId: received.leadId,
    causationId: null,
    at: received.receivedAt,
  };
}
