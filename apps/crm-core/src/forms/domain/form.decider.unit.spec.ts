import { fold } from '#kernel';
import { changeFormBody, createFormBody } from './form.commands.js';
import { formDecider } from './form.decider.js';
import type { FormEvent, FormFields } from './form.events.js';

const fields: FormFields = {
  name: 'Site',
  enabled: true,
  allowedOrigins: [],
  pipelineId: null,
  stageId: null,
  titleTemplate: 'Lead from {form}',
  assign: null,
  requireConsent: false,
  successUrl: null,
};
const created: FormEvent = { type: 'FormCreated', data: { ...fields, key: 'frm_x' } };
const given = (...events: FormEvent[]) => fold(formDecider, events);

describe('a form', () => {
  it('given nothing, when created, then created with its key', () => {
    expect(formDecider.decide({ type: 'create', fields, key: 'frm_x' }, given())).toEqual([created]);
  });

  it('given a form, when created again, then already-exists', () => {
    expect(() => formDecider.decide({ type: 'create', fields, key: 'frm_y' }, given(created))).toThrow(
      expect.objectContaining({ code: 'already-exists' }),
    );
  });

  it('given a form, when changed, then only what differs', () => {
    const command = { type: 'change', changes: { name: 'Site', enabled: false } } as const;
    expect(formDecider.decide(command, given(created))).toEqual([{ type: 'FormChanged', data: { enabled: false } }]);
  });

  it('given a form, when changed to what it is, then nothing', () => {
    expect(formDecider.decide({ type: 'change', changes: { assign: null } }, given(created))).toEqual([]);
  });

  it('given no form, when changed, then not-found', () => {
    expect(() => formDecider.decide({ type: 'change', changes: {} }, given())).toThrow(
      expect.objectContaining({ code: 'not-found' }),
    );
  });
});

describe('the body of a form', () => {
  it('needs a name only', () => {
    expect(createFormBody.parse({ name: 'Site' })).toMatchObject({ enabled: true, allowedOrigins: [], assign: null });
  });

  it.each([
    [{ name: '' }],
    [{ name: 'x', allowedOrigins: ['https://a.example/path'] }],
    [{ name: 'x', allowedOrigins: ['ftp://a.example'] }],
    [{ name: 'x', successUrl: 'javascript:alert(1)' }],
    [{ name: 'x', quarantine: true }],
    [{ name: 'x', assign: {} }],
    [{ name: 'x', extra: 1 }],
  ])('refuses %j', (body) => {
    expect(createFormBody.safeParse(body).success).toBe(false);
  });

  it('takes any part in a change', () => {
    expect(changeFormBody.parse({})).toEqual({});
  });
});
