import fc from 'fast-check';
import { DomainError, fold } from '#kernel';
import { CommandBody } from '../../commands/command-context.js';
import { mergePoints } from '../../records/domain/contact-point.js';
import { personalText } from '../../records/domain/personal-text.js';
import { emailInputs, phoneInputs, tagTexts, textOrNull } from '../../records/record-bodies.js';
import { changeContactBody, createContactBody } from './contact.commands.js';
import { contactDecider } from './contact.decider.js';
import { CONTACT_EVENT_VERSIONS, type ContactEvent, type ContactFields } from './contact.events.js';

const given = (...events: readonly ContactEvent[]) => fold(contactDecider, events);
const parse = (schema: typeof createContactBody | typeof changeContactBody, body: unknown): unknown =>
  new CommandBody(() => body).parse(schema);

const fields = (): ContactFields => ({
  name: personalText('Ivan', 'RU'),
  phones: mergePoints('phone', [], phoneInputs([{ number: '8 916 123-45-67', label: 'Work' }], 'RU'), 'phones'),
  emails: mergePoints('email', [], emailInputs([{ address: 'ivan@example.ru' }], 'RU'), 'emails'),
  companyId: null,
  note: textOrNull('Call after six', 'RU'),
  tags: tagTexts(['new', 'new', 'warm'], 'RU'),
  customFields: {},
});
const first = fields();
const created: ContactEvent = { type: 'ContactCreated', data: { ...first, responsibleId: 'u1', leadId: null } };

describe('a contact', () => {
  it('given nothing, when created, then created with every field', () => {
    const events = contactDecider.decide({ type: 'create', fields: first, responsibleId: 'u1', leadId: null }, given());
    expect(events).toEqual([created]);
    expect(Object.keys(CONTACT_EVENT_VERSIONS)).toContain(events[0]?.type);
  });

  it('given a contact, when a number is given that is its own already, then changed: whoever guesses does not learn it', () => {
    const [known] = first.phones;
    const inputs = phoneInputs([{ id: String(known?.id), number: '+7 (916) 123 45 67' }], 'RU');
    const phones = mergePoints('phone', first.phones, inputs, 'phones');
    const [event] = contactDecider.decide({ type: 'change', changes: { ...first, phones } }, given(created));
    expect([event?.type, Object.keys(event?.data ?? {})]).toEqual(['ContactChanged', ['phones']]);
  });

  it('given a contact, when its list of numbers is sent back as a masked viewer holds it, then nothing', () => {
    const inputs = phoneInputs(
      first.phones.map(({ id }) => ({ id, label: 'Work' })),
      'RU',
    );
    const phones = mergePoints('phone', first.phones, inputs, 'phones');
    expect(contactDecider.decide({ type: 'change', changes: { phones } }, given(created))).toEqual([]);
  });

  it('given a contact, when it gets another number, then changed, with the numbers alone', () => {
    const phones = mergePoints('phone', first.phones, phoneInputs([{ number: '8 916 555-01-23' }], 'RU'), 'phones');
    const [event] = contactDecider.decide({ type: 'change', changes: { ...first, phones } }, given(created));
    expect([event?.type, Object.keys(event?.data ?? {})]).toEqual(['ContactChanged', ['phones']]);
  });

  it('keeps each tag once', () => {
    expect(first.tags.map((tag) => tag.expose().text)).toEqual(['new', 'warm']);
  });
});

describe('the body of a contact', () => {
  it('needs a name only', () => {
    expect(parse(createContactBody, { name: ' Ivan ' })).toEqual({
      name: 'Ivan',
      phones: [],
      emails: [],
      companyId: null,
      note: null,
      tags: [],
      customFields: {},
    });
    expect(parse(changeContactBody, {})).toEqual({});
  });

  it.each([
    [{}],
    [{ name: '  ' }],
    [{ name: null }],
    [{ name: 'x', id: 'y' }],
    [{ name: 'x', phones: [{ label: 'Work' }] }],
    [{ name: 'x', phones: [{ number: '+79161234567', masked: '+7 *** ***-**-67' }] }],
    [{ name: 'x', companyId: 'y' }],
    [{ name: 'x', leadId: null }],
    [{ name: 'x', customFields: [1] }],
    [{ name: 'x', customFields: null }],
    [{ name: 'x', customFields: Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`f${n}`, 1])) }],
  ])('refuses %j', (body) => {
    expect(() => parse(createContactBody, body)).toThrow(expect.objectContaining({ code: 'validation-failed' }));
  });

  it('is refused without its values: they are in no message and no path', () => {
    const planted = fc.stringMatching(/^[0-9]{7,15}$/);
    const bodies = planted.map((text): [string, unknown] => [
      text,
      { name: Number(text), [text]: text, phones: [{ number: Number(text), [text]: 1 }], companyId: text, tags: [text, 1] },
    ]);
    fc.assert(
      fc.property(bodies, ([text, body]) => {
        try {
          parse(changeContactBody, body);
        } catch (error) {
          expect(error).toBeInstanceOf(DomainError);
          const { code, message, options } = error as DomainError;
          expect(JSON.stringify([code, message, options])).not.toContain(text);
          return;
        }
        throw new Error('it was not refused');
      }),
    );
  });
});
