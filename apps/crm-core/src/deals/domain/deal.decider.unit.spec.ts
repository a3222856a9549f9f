import { Secret, fold } from '#kernel';
import { personalText } from '../../records/domain/personal-text.js';
import { dealDecider, type DealCommand } from './deal.decider.js';
import { DEAL_EVENT_VERSIONS, type DealEvent, type DealFields } from './deal.events.js';

const given = (...events: readonly DealEvent[]) => fold(dealDecider, events);
const refusal = (code: string) => expect.objectContaining({ name: 'DomainError', code });

const fields: DealFields = {
  title: personalText('Delivery', 'RU'),
  amount: { value: '1500.00', currency: 'RUB' },
  contactIds: ['c1', 'c2'],
  companyId: null,
  note: null,
  tags: [],
  customFields: {},
};
const place = { pipelineId: 'pl1', stageId: 's1' };
const attribution = new Secret({ utm_source: { text: 'yandex', masked: 'yandex' } });
const create = { type: 'create', fields, ...place, attribution: null, responsibleId: 'u1', leadId: null } as const;
const created: DealEvent = {
  type: 'DealCreated',
  data: { ...fields, ...place, attribution: null, responsibleId: 'u1', leadId: null },
};
const deleted: DealEvent = { type: 'DealDeleted', data: {} };
const live = { phase: 'live', fields, ...place, status: 'open', responsibleId: 'u1', leadId: null };

describe('creating a deal', () => {
  it('given nothing, when created, then it is open, in its stage', () => {
    expect(dealDecider.decide(create, given())).toEqual([created]);
    expect(given(created)).toEqual(live);
  });

  it('given nothing, when a lead makes it, then its attribution is a field of its own and no part of the others', () => {
    const [event] = dealDecider.decide({ ...create, attribution, leadId: 'l1' }, given());
    expect(event?.data).toMatchObject({ attribution, leadId: 'l1' });
    expect(given(event as DealEvent)).toEqual({ ...live, leadId: 'l1' });
  });

  it('given a deal, when created again, then already-exists', () => {
    expect(() => dealDecider.decide(create, given(created))).toThrow(refusal('already-exists'));
    expect(() => dealDecider.decide(create, given(created, deleted))).toThrow(refusal('already-exists'));
  });
});

describe('moving a deal', () => {
  const move = (stageId: string): DealCommand => ({ type: 'move', stageId });

  it('given a deal, when moved to another stage, then moved, and nothing else of it changes', () => {
    const events = dealDecider.decide(move('s2'), given(created));
    expect(events).toEqual([{ type: 'DealMoved', data: { stageId: 's2' } }]);
    expect(given(created, ...events)).toEqual({ ...live, stageId: 's2' });
  });

  it('given a deal, when moved to the stage it is in, then nothing', () => {
    expect(dealDecider.decide(move('s1'), given(created))).toEqual([]);
  });

  it('given no deal or a deleted one, when moved, then not-found', () => {
    expect(() => dealDecider.decide(move('s2'), given())).toThrow(refusal('not-found'));
    expect(() => dealDecider.decide(move('s2'), given(created, deleted))).toThrow(refusal('not-found'));
  });
});

describe('what deals share with other records', () => {
  it('given a deal, when changed, then only what differs, and it stays in its stage', () => {
    const changes = { amount: { value: '1500.00', currency: 'RUB' }, contactIds: ['c2', 'c1'] };
    const events = dealDecider.decide({ type: 'change', changes }, given(created));
    expect(events).toEqual([{ type: 'DealChanged', data: { contactIds: ['c2', 'c1'] } }]);
    expect(given(created, ...events)).toEqual({ ...live, fields: { ...fields, contactIds: ['c2', 'c1'] } });
  });

  it('given a moved deal, when assigned, deleted and restored, then it is in the stage it was moved to', () => {
    const moved: DealEvent = { type: 'DealMoved', data: { stageId: 's2' } };
    const assigned = dealDecider.decide({ type: 'assign', responsibleId: null }, given(created, moved));
    const history = [created, moved, ...assigned, ...dealDecider.decide({ type: 'delete' }, given(created, moved, ...assigned))];
    const back = dealDecider.decide({ type: 'restore' }, given(...history));
    expect(given(...history, ...back)).toEqual({ ...live, stageId: 's2', responsibleId: null });
    for (const { type } of [...history, ...back]) expect(DEAL_EVENT_VERSIONS).toHaveProperty(type);
  });

  it('given no deal, when changed, then not-found', () => {
    expect(() => dealDecider.decide({ type: 'change', changes: {} }, given())).toThrow(refusal('not-found'));
  });
});

describe('closing and reopening a deal', () => {
  const reason = personalText('Too dear, call 8 916 123-45-67', 'RU');
  const won: DealEvent = { type: 'DealWon', data: {} };
  const lost: DealEvent = { type: 'DealLost', data: { reason } };
  const reopened: DealEvent = { type: 'DealReopened', data: {} };
  const moved: DealEvent = { type: 'DealMoved', data: { stageId: 's2' } };

  it('given an open deal, when won or lost, then it is, where it stands', () => {
    expect(dealDecider.decide({ type: 'win' }, given(created, moved))).toEqual([won]);
    expect(given(created, moved, won)).toEqual({ ...live, stageId: 's2', status: 'won' });
    expect(dealDecider.decide({ type: 'lose', reason }, given(created))).toEqual([lost]);
    expect(given(created, lost)).toEqual({ ...live, status: 'lost', loseReason: reason });
    for (const { type } of [won, lost, reopened]) expect(DEAL_EVENT_VERSIONS).toHaveProperty(type);
  });

  it.each<[string, DealEvent]>([
    ['won', won],
    ['lost', lost],
  ])('given a deal that is %s, when closed or moved, then deal-closed', (_, closing) => {
    const commands: DealCommand[] = [{ type: 'win' }, { type: 'lose', reason }, { type: 'move', stageId: 's1' }];
    for (const command of commands)
      expect(() => dealDecider.decide(command, given(created, closing))).toThrow(refusal('deal-closed'));
  });

  it('given a closed deal, when reopened, then it is open as before, without a reason', () => {
    for (const closing of [won, lost]) {
      expect(dealDecider.decide({ type: 'reopen' }, given(created, closing))).toEqual([reopened]);
      expect(given(created, closing, reopened)).toEqual(live);
    }
  });

  it('given an open deal, when reopened, then deal-open', () => {
    expect(() => dealDecider.decide({ type: 'reopen' }, given(created))).toThrow(refusal('deal-open'));
  });

  it('given a closed deal, when changed, assigned, deleted and restored, then it stays closed', () => {
    const changed: DealEvent = { type: 'DealChanged', data: { companyId: 'co1' } };
    const restored: DealEvent = { type: 'DealRestored', data: {} };
    expect(given(created, lost, changed, deleted, restored)).toMatchObject({ phase: 'live', status: 'lost', loseReason: reason });
    expect(dealDecider.decide({ type: 'change', changes: { companyId: 'co1' } }, given(created, won))).toEqual([changed]);
  });

  it('given no deal or a deleted one, when closed or reopened, then not-found', () => {
    for (const events of [[], [created, deleted], [created, won, deleted]])
      for (const type of ['win', 'reopen'] as const)
        expect(() => dealDecider.decide({ type }, given(...events))).toThrow(refusal('not-found'));
  });
});
