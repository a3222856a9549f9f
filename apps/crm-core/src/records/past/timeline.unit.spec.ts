import { Secret } from '#kernel';
import { dealAggregate } from '../../deals/deal.aggregate.js';
import type { DealEvent } from '../../deals/domain/deal.events.js';
import { contactAggregate } from '../../contacts/contact.aggregate.js';
import type { ContactEvent, ContactFields } from '../../contacts/domain/contact.events.js';
import type { AnyAggregate, RecordedEvent } from '../../log/aggregate.js';
import { personalText } from '../domain/personal-text.js';
import { momentAt } from './past.query.js';
import { changesOf, clearPoints, timeline, type Sight } from './timeline.js';

const ID = '00000000-0000-8000-8000-0000000000aa';
const at = (minute: number): string => `2026-01-01T00:0${minute}:00.000Z`;
const recorded = (events: readonly (ContactEvent | DealEvent)[]): readonly RecordedEvent[] =>
  events.map((event, index) => ({
    ...{ event, id: ID, aggregateId: ID, version: index + 1 },
    metadata: {
      ...{ actorId: 'me', sessionId: null, tokenId: null, ip: '192.0.2.1', causationId: null },
      ...{ commandId: ID, correlationId: ID, at: at(index) },
    },
  }));
const point = (value: string) =>
  ({ id: 'p', kind: 'phone', form: 'normal', value: new Secret(value), label: null, unverified: false }) as const;
const contact: ContactFields = {
  name: personalText('Ada', 'GB'),
  phones: [point('+442079460821')],
  emails: [],
  companyId: null,
  note: null,
  tags: [],
  customFields: {},
};
const history: readonly ContactEvent[] = [
  { type: 'ContactCreated', data: { ...contact, responsibleId: 'me', leadId: null } },
  { type: 'ContactChanged', data: { phones: [point('+442079460822')] } },
  { type: 'ContactDeleted', data: {} },
  { type: 'ContactRestored', data: {} },
];
const moments = timeline('contact', contactAggregate as unknown as AnyAggregate, recorded(history));
const sight = (number: boolean, attribution = false): Sight => {
  return { points: { phone: number, email: number }, attribution, customFieldIds: new Set() };
};
const [MASKED, SHOWN] = [sight(false), sight(true)];

describe('what an event changed', () => {
  it('is masked for one who may not see the number, and in full for one who may', () => {
    expect(changesOf(moments[0], moments[1] as never, MASKED)).toEqual([
      {
        field: 'phones',
        from: [{ id: 'p', label: null, masked: '+44 *** ***-**-21' }],
        to: [{ id: 'p', label: null, masked: '+44 *** ***-**-22' }],
      },
    ]);
    expect(changesOf(moments[0], moments[1] as never, SHOWN)).toMatchObject([
      { from: [{ number: '+442079460821' }], to: [{ number: '+442079460822' }] },
    ]);
    expect(clearPoints(moments[0] as never, MASKED.points)).toEqual([]);
  });

  it('is the same for two numbers that differ in hidden digits only', () => {
    const other = timeline(
      'contact',
      contactAggregate as unknown as AnyAggregate,
      recorded([
        { type: 'ContactCreated', data: { ...contact, phones: [point('+442079461121')], responsibleId: 'me', leadId: null } },
      ]),
    );
    expect(changesOf(undefined, other[0] as never, MASKED)).toEqual(changesOf(undefined, moments[0] as never, MASKED));
  });

  it('of a creation is what it gave a value', () => {
    expect(changesOf(undefined, moments[0] as never, MASKED).map(({ field }) => field)).toEqual([
      'name',
      'phones',
      'responsibleId',
    ]);
  });

  it('tells where a lead came from only to those who may know', () => {
    const data = {
      ...{ title: personalText('Lead', 'RU'), amount: null, contactIds: [], companyId: null, note: null, tags: [] },
      customFields: {},
      ...{ pipelineId: 'p', stageId: 's', responsibleId: null, leadId: 'l' },
      attribution: new Secret({ utm_source: { text: 'yandex', masked: 'yandex' } }),
    };
    const [first] = timeline('deal', dealAggregate as unknown as AnyAggregate, recorded([{ type: 'DealCreated', data }]));
    const fields = (may: boolean) => changesOf(undefined, first as never, sight(false, may)).map(({ field }) => field);
    expect(fields(false)).not.toContain('attribution');
    expect(fields(true)).toContain('attribution');
  });
});

describe('the record at a moment', () => {
  it('is the last one that is not later, and none before it was made or while it was hidden', () => {
    expect(momentAt(moments, '2025-12-31T23:59:59.999Z')).toBeUndefined();
    expect(momentAt(moments, at(0))?.recorded.version).toBe(1);
    expect(momentAt(moments, '2026-01-01T00:01:30.000Z')?.recorded.version).toBe(2);
    expect(momentAt(moments, at(2))).toBeUndefined();
    expect(momentAt(moments, '2030-01-01T03:00:00.000+03:00')?.recorded.version).toBe(4);
  });
});
