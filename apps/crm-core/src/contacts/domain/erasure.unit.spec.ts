import { DomainError, fold } from '#kernel';
import { personalText } from '../../records/domain/personal-text.js';
import { contactDecider } from './contact.decider.js';
import type { ContactEvent, ContactFields } from './contact.events.js';
import { planErasure } from './erasure.js';

const fields: ContactFields = {
  name: personalText('Ada', 'GB'),
  phones: [],
  emails: [],
  companyId: null,
  note: null,
  tags: [],
  customFields: {},
};
const created: ContactEvent = { type: 'ContactCreated', data: { ...fields, responsibleId: 'me', leadId: null } };
const asked = { contactId: 'c', responsibleId: 'me', fields, leadIds: [], reason: 'asked', requestRef: null };
const erasure = planErasure({ ...asked, deals: [] });
const given = (...events: ContactEvent[]) => fold(contactDecider, events);
const refusal = (code: string) => expect.objectContaining({ code }) as DomainError;

describe('planning an erasure', () => {
  it('takes along deals of his alone, and names those shared with others', () => {
    const deals = [
      { id: 'alone', contactIds: ['c'] },
      { id: 'shared', contactIds: ['d', 'c'] },
      { id: 'twice', contactIds: ['c', 'c'] },
    ];
    const planned = planErasure({ ...asked, deals, leadIds: ['l'] });
    expect(planned).toMatchObject({ erasedDealIds: ['alone', 'twice'], keptDealIds: ['shared'], erasedLeadIds: ['l'] });
    expect(planned.categories).toEqual(['name', 'deals', 'leads']);
  });

  it.each([
    [
      'Иван Петров',
      'Иван Петров просил, от Ивана Петрова, с ИВАНОМ; ивановский иванушке',
      '*** *** просил, от *** ***, с ***; ивановский иванушке',
    ],
    ['Мария Ли', 'Марии нет, Марию Ли звали', '*** нет, *** *** звали'],
    ['Ada-Mae O’Hara', 'ada and Mae, O’Hara’s adamant', '*** and ***, O’***’s adamant'],
    ['42', 'R-42, asked by phone', 'R-42, asked by phone'],
    ['$& (a+)+', 'asked $& a', 'asked $& a'],
  ])('keeps no word of the name %s in why', (name, reason, kept) => {
    const planned = planErasure({
      ...asked,
      fields: { ...fields, name: personalText(name, 'RU') },
      deals: [],
      reason,
      requestRef: reason,
    });
    expect(planned).toMatchObject({ reason: kept, requestRef: kept });
  });
});

describe('erasing', () => {
  it('given a live or a hidden contact, when erased, then he is gone', () => {
    for (const state of [given(created), given(created, { type: 'ContactDeleted', data: {} })]) {
      expect(contactDecider.decide({ type: 'erase', erasure }, state)).toEqual([{ type: 'ContactErased', data: erasure }]);
    }
  });

  it('given an erased contact, when anything, then erased', () => {
    const state = given(created, { type: 'ContactErased', data: erasure });
    expect(state).toMatchObject({ phase: 'erased', responsibleId: 'me' });
    expect(() => contactDecider.decide({ type: 'erase', erasure }, state)).toThrow(refusal('erased'));
    expect(() => contactDecider.decide({ type: 'restore' }, state)).toThrow(refusal('erased'));
    expect(() => contactDecider.decide({ type: 'change', changes: {} }, state)).toThrow(refusal('erased'));
    expect(() => contactDecider.decide({ type: 'delete' }, state)).toThrow(refusal('erased'));
  });

  it('given nobody, when erased, then not-found', () => {
    expect(() => contactDecider.decide({ type: 'erase', erasure }, given())).toThrow(refusal('not-found'));
  });
});
