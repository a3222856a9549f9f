import { Secret } from '#kernel';
import { personalText } from '../../records/domain/personal-text.js';
import type { DealAttribution, DealEvent, DealFields } from '../domain/deal.events.js';
import { statementsOf } from '../../log/row-change.js';
import { projectDeal } from './deal.projection.js';

const ID = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa';
const at = '2026-01-01T00:00:00.000Z';
const metadata = {
  actorId: null,
  sessionId: null,
  tokenId: null,
  ip: null,
  commandId: ID,
  correlationId: ID,
  causationId: null,
  at,
};
const project = (event: DealEvent, version = 1) =>
  projectDeal({ event, id: ID, aggregateId: ID, version, metadata }).flatMap(statementsOf);

const fields: DealFields = {
  title: personalText('Delivery, 8 916 123-45-67', 'RU'),
  amount: { value: '1500.00', currency: 'RUB' },
  contactIds: [ID],
  companyId: null,
  note: personalText('planted@example.org', 'RU'),
  tags: [personalText('+79161234567', 'RU')],
  customFields: {},
};
const created = (attribution: DealAttribution | null): DealEvent => ({
  type: 'DealCreated',
  data: { ...fields, pipelineId: 'pl1', stageId: 's1', attribution, responsibleId: null, leadId: 'l1' },
});
const attribution: DealAttribution = new Secret({
  utm_source: { text: 'yandex', masked: 'yandex' },
  utm_term: { text: 'tel 89161234567', masked: 'tel +7 *** ***-**-67' },
});

describe('a deal in the read models', () => {
  it('is one row, open, with masks, and no row of attribution where it has none', () => {
    const statements = project(created(null));
    expect(statements).toHaveLength(1);
    const [row] = statements;
    expect(row?.text).toMatch(/^INSERT INTO read\.deals .*amount, currency, contact_ids.*pipeline_id, stage_id, status.*lead_id/);
    expect(row?.values).toEqual(expect.arrayContaining(['1500.00', 'RUB', [ID], 'pl1', 's1', 'open', 'l1']));
    expect(JSON.stringify(row)).not.toMatch(/916|planted/);
  });

  it('has its attribution in a table of its own, masked, and nowhere else', () => {
    const [row, protectedRow, ...rest] = project(created(attribution));
    expect(rest).toEqual([]);
    expect(JSON.stringify(row)).not.toMatch(/yandex|utm/);
    expect(protectedRow?.text).toMatch(/^INSERT INTO read\.deal_attributions \(deal_id, values, version\)/);
    expect(protectedRow?.values).toEqual([ID, JSON.stringify({ utm_source: 'yandex', utm_term: 'tel +7 *** ***-**-67' }), 1]);
    expect(JSON.stringify(protectedRow)).not.toContain('9161234567');
  });

  it('has none once the key was destroyed', () => {
    expect(project(created(Secret.erased()))).toHaveLength(1);
  });

  it('moves where the row is older', () => {
    const [update] = project({ type: 'DealMoved', data: { stageId: 's2' } }, 4);
    expect(update?.text).toBe(
      'UPDATE read.deals SET version = $2, stage_id = $3, updated_at = $4 WHERE id = $1 AND version < $2',
    );
    expect(update?.values).toEqual([ID, 4, 's2', at]);
  });

  it('is won, lost with the masked reason, and open again without one', () => {
    const reason = personalText('Call 8 916 123-45-67', 'RU');
    const columnsOf = (event: DealEvent): unknown[] | undefined => project(event, 2)[0]?.values.slice(2, 4);
    expect(columnsOf({ type: 'DealWon', data: {} })).toEqual(['won', null]);
    expect(columnsOf({ type: 'DealLost', data: { reason } })).toEqual(['lost', 'Call +7 *** ***-**-67']);
    expect(columnsOf({ type: 'DealReopened', data: {} })).toEqual(['open', null]);
  });

  it('loses amount and currency together, and a change touches no place', () => {
    const [update] = project({ type: 'DealChanged', data: { amount: null } }, 2);
    expect(update?.text).toMatch(/^UPDATE read\.deals SET version = \$2, amount = \$3, currency = \$4, updated_at/);
    expect(update?.values.slice(2, 4)).toEqual([null, null]);
    expect(update?.text).not.toMatch(/stage|status/);
  });
});
