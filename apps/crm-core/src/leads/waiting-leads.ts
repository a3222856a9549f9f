import type { Pool } from 'pg';
import type { ReceiverKeys } from '#privacy';
import type { CrmLog } from '../log/crm-log.js';
import { lookupForm, maskPoint, type ContactPoint } from '../records/domain/contact-point.js';
import type { LeadState } from './domain/lead.decider.js';
import type { SentLead } from './domain/lead.events.js';
import { leadPoints, sentLead } from './domain/lead.planning.js';
import { leadAggregate } from './lead.aggregate.js';
import { openLead } from './lead-envelope.js';

/** Leads that wait for somebody's word: in quarantine, or set aside. */
export class WaitingLeads {
  constructor(
    private readonly log: CrmLog,
    private readonly pool: Pool,
    private readonly receiver: ReceiverKeys,
  ) {}

  /**
   * Those that have a number or an address of these points. Found by their masks, which many share, and then told apart by what they
   * hold; one that does not open can be read by nobody, and is not among them.
   */
  async of(points: readonly ContactPoint[], region: string): Promise<readonly string[]> {
    const forms = new Set(points.map(lookupForm).filter((form) => form !== null));
    if (forms.size === 0) return [];
    const masks = points.map(maskPoint);
    const { rows } = await this.pool.query<{ id: string }>(
      `SELECT id FROM read.leads WHERE state <> 'accepted' AND (shown->>'phone' = ANY($1::text[]) OR shown->>'email' = ANY($1::text[]))
       ORDER BY id`,
      [masks],
    );
    const found: string[] = [];
    for (const { id } of rows) {
      const { state } = await this.log.load(leadAggregate, id);
      const sent = await this.sentOf(id, state);
      const own = sent === null ? [] : leadPoints(sent, { phone: '', email: '' }, region).map(lookupForm);
      if (own.some((form) => form !== null && forms.has(form))) found.push(id);
    }
    return found;
  }

  private async sentOf(id: string, state: LeadState): Promise<SentLead | null> {
    if (state.phase === 'quarantined') return state.content.expose().sent;
    if (state.phase !== 'set-aside') return null;
    try {
      return sentLead(await openLead(this.receiver, id, state.content.expose().received));
    } catch {
      return null;
    }
  }
}
