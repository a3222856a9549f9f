import { fold } from '#kernel';
import { mergePoints } from '../../records/domain/contact-point.js';
import { personalText } from '../../records/domain/personal-text.js';
import { phoneInputs, textOrNull } from '../../records/record-bodies.js';
import { changeCompanyBody, createCompanyBody } from './company.commands.js';
import { companyDecider } from './company.decider.js';
import { COMPANY_EVENT_VERSIONS, type CompanyEvent, type CompanyFields } from './company.events.js';

const given = (...events: readonly CompanyEvent[]) => fold(companyDecider, events);
const fields: CompanyFields = {
  name: personalText('Romashka', 'RU'),
  phones: mergePoints('phone', [], phoneInputs([{ number: '8 495 123-45-67' }], 'RU'), 'phones'),
  emails: [],
  website: textOrNull('https://example.ru', 'RU'),
  address: null,
  note: null,
  tags: [],
  customFields: {},
};
const created: CompanyEvent = { type: 'CompanyCreated', data: { ...fields, responsibleId: 'u1', leadId: null } };

describe('a company', () => {
  it('given nothing, when created, then created with every field', () => {
    const events = companyDecider.decide({ type: 'create', fields, responsibleId: 'u1', leadId: null }, given());
    expect(events).toEqual([created]);
    expect(Object.keys(COMPANY_EVENT_VERSIONS)).toContain(events[0]?.type);
  });

  it('given a company, when website and address are given, then only what differs is in the event', () => {
    const changes = { website: textOrNull('https://example.ru', 'RU'), address: textOrNull('Main street 1', 'RU') };
    const [event] = companyDecider.decide({ type: 'change', changes }, given(created));
    expect([event?.type, Object.keys(event?.data ?? {})]).toEqual(['CompanyChanged', ['address']]);
  });

  it('given a company, when an empty address is given, then nothing: it is empty already', () => {
    expect(companyDecider.decide({ type: 'change', changes: { address: textOrNull(' ', 'RU') } }, given(created))).toEqual([]);
  });
});

describe('the body of a company', () => {
  it('needs a name only', () => {
    expect(createCompanyBody.parse({ name: ' Romashka ' })).toEqual({
      name: 'Romashka',
      phones: [],
      emails: [],
      website: null,
      address: null,
      note: null,
      tags: [],
      customFields: {},
    });
    expect(changeCompanyBody.parse({})).toEqual({});
  });

  it('keeps ids in lower case', () => {
    const responsibleId = 'ABCDEFAB-0000-4000-8000-0000000000AB';
    expect(changeCompanyBody.parse({ responsibleId })).toEqual({ responsibleId: responsibleId.toLowerCase() });
  });

  it.each([[{}], [{ name: '' }], [{ name: 'x', companyId: null }], [{ name: 'x', leadId: null }], [{ name: 'x', website: 1 }]])(
    'refuses %j',
    (body) => {
      expect(createCompanyBody.safeParse(body).success).toBe(false);
    },
  );
});
