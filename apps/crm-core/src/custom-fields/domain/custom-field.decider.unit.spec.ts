import { fold } from '#kernel';
import { CommandBody } from '../../commands/command-context.js';
import { CUSTOM_FIELD_LIMITS, defineCustomFieldBody } from './custom-field.commands.js';
import { customFieldDecider } from './custom-field.decider.js';
import { CUSTOM_FIELD_EVENT_VERSIONS, type CustomFieldDefinition, type CustomFieldEvent } from './custom-field.events.js';

const given = (...events: readonly CustomFieldEvent[]) => fold(customFieldDecider, events);
const refusal = (code: string) => expect.objectContaining({ name: 'DomainError', code });
const definition: CustomFieldDefinition = { recordType: 'deal', name: 'Source', type: 'choice', choices: ['Fair', 'Web'] };
const defined: CustomFieldEvent = { type: 'CustomFieldDefined', data: definition };
const deleted: CustomFieldEvent = { type: 'CustomFieldDeleted', data: {} };

describe('a custom field', () => {
  it('given nothing, when defined, then defined', () => {
    expect(customFieldDecider.decide({ type: 'define', definition }, given())).toEqual([defined]);
  });

  it('given a field, when deleted, then deleted', () => {
    expect(customFieldDecider.decide({ type: 'delete' }, given(defined))).toEqual([deleted]);
    for (const { type } of [defined, deleted]) expect(CUSTOM_FIELD_EVENT_VERSIONS).toHaveProperty(type);
  });

  it('given none, or a deleted one, when deleted, then not-found', () => {
    for (const state of [given(), given(defined, deleted)])
      expect(() => customFieldDecider.decide({ type: 'delete' }, state)).toThrow(refusal('not-found'));
  });

  it('given a field or a deleted one, when defined again, then already-exists', () => {
    for (const state of [given(defined), given(defined, deleted)])
      expect(() => customFieldDecider.decide({ type: 'define', definition }, state)).toThrow(refusal('already-exists'));
  });

  it('given nothing, when two choices are alike, then validation-failed', () => {
    const twice = { ...definition, choices: ['***', '***'] };
    expect(() => customFieldDecider.decide({ type: 'define', definition: twice }, given())).toThrow(refusal('validation-failed'));
  });
});

describe('the body of a custom field', () => {
  const parse = (body: unknown): unknown => new CommandBody(() => body).parse(defineCustomFieldBody);
  const text = { recordType: 'contact', name: 'Size', type: 'text' };

  it('has choices where it is a choice', () => {
    expect(parse({ ...text, name: ' Size ' })).toEqual(text);
    expect(parse({ ...text, type: 'choice', choices: ['S'] })).toEqual({ ...text, type: 'choice', choices: ['S'] });
  });

  it.each([
    [{ ...text, choices: ['S'] }],
    [{ ...text, type: 'choice' }],
    [{ ...text, type: 'choice', choices: [] }],
    [{ ...text, type: 'choice', choices: Array.from({ length: CUSTOM_FIELD_LIMITS.choices + 1 }, (_, n) => `c${n}`) }],
    [{ ...text, type: 'money' }],
    [{ ...text, recordType: 'user' }],
    [{ ...text, name: '  ' }],
    [{ ...text, name: 'x'.repeat(CUSTOM_FIELD_LIMITS.name + 1) }],
    [{ ...text, name: '01A209F1-1514-701C-8216-2B4E2294FDB7' }],
    [{ ...text, id: 'x' }],
  ])('refuses %j', (body) => {
    expect(() => parse(body)).toThrow(refusal('validation-failed'));
  });
});
