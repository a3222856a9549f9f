import { fold } from '#kernel';
import { formAggregate } from '../form.aggregate.js';
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
  requireSignature: false,
  quarantine: false,
  quarantineAfter: 60,
  successUrl: null,
  format: 'palisade',
};
const created: FormEvent = { type: 'FormCreated', data: { ...fields, key: 'frm_x' } };
const given = (...events: FormEvent[]) => fold(formDecider, events);

describe('a form', () => {
  it('given nothing, when created, then created with its key', () => {
    expect(formDecider.decide({ type: 'create', fields, key: 'frm_x', hasSecret: false }, given())).toEqual([created]);
  });

  it('given a form, when created again, then already-exists', () => {
    expect(() => formDecider.decide({ type: 'create', fields, key: 'frm_y', hasSecret: false }, given(created))).toThrow(
      expect.objectContaining({ code: 'already-exists' }),
    );
  });

  it('given a form, when changed, then only what differs', () => {
    const command = { type: 'change', changes: { name: 'Site', enabled: false }, hasSecret: false } as const;
    expect(formDecider.decide(command, given(created))).toEqual([{ type: 'FormChanged', data: { enabled: false } }]);
  });

  it('given a form, when changed to what it is, then nothing', () => {
    expect(formDecider.decide({ type: 'change', changes: { assign: null }, hasSecret: false }, given(created))).toEqual([]);
  });

  it('given no form, when changed, then not-found', () => {
    expect(() => formDecider.decide({ type: 'change', changes: {}, hasSecret: false }, given())).toThrow(
      expect.objectContaining({ code: 'not-found' }),
    );
  });

  it('given no secret, when signatures are demanded, then refused; with one, changed', () => {
    const changes = { requireSignature: true };
    expect(() => formDecider.decide({ type: 'change', changes, hasSecret: false }, given(created))).toThrow(
      expect.objectContaining({ code: 'validation-failed' }),
    );
    expect(formDecider.decide({ type: 'change', changes, hasSecret: true }, given(created))).toEqual([
      { type: 'FormChanged', data: changes },
    ]);
  });

  it('given a form, when its key is rotated, then the new one', () => {
    expect(formDecider.decide({ type: 'rotate-key', key: 'frm_z' }, given(created))).toEqual([
      { type: 'FormKeyRotated', data: { key: 'frm_z' } },
    ]);
  });

  it.each([
    { type: 'change', changes: { name: 'x' }, hasSecret: true },
    { type: 'rotate-key', key: 'k' },
    { type: 'delete' },
  ] as const)('given a deleted form, when $type, then not-found', (command) => {
    const deleted = formDecider.decide({ type: 'delete' }, given(created));
    expect(() => formDecider.decide(command, given(created, ...deleted))).toThrow(expect.objectContaining({ code: 'not-found' }));
  });

  it('of the first shape gets the defaults of what it did not say', () => {
    const { requireSignature: _s, quarantine: _q, quarantineAfter: _a, format: _f, ...first } = fields;
    expect(formAggregate.upcasters?.FormCreated?.[1]?.({ ...first, key: 'k' }, {} as never)).toEqual({ ...fields, key: 'k' });
  });
});

describe('the body of a form', () => {
  it('needs a name only', () => {
    expect(createFormBody.parse({ name: 'Site' })).toMatchObject({ enabled: true, allowedOrigins: [], assign: null });
    expect(createFormBody.parse({ name: 'Site' })).toEqual(fields);
  });

  it.each([
    [{ name: '' }],
    [{ name: 'x', allowedOrigins: ['https://a.example/path'] }],
    [{ name: 'x', allowedOrigins: ['ftp://a.example'] }],
    [{ name: 'x', successUrl: 'javascript:alert(1)' }],
    [{ name: 'x', successUrl: 'https://user:pass@a.example/' }],
    [{ name: 'x', successUrl: 'https://a.example/\r\nx: y' }],
    [{ name: 'x', allowedOrigins: ['null'] }],
    [{ name: 'x', allowedOrigins: ['*'] }],
    [{ name: 'x', titleTemplate: 'Lead {name}' }],
    [{ name: 'x', titleTemplate: 'Lead {}' }],
    [{ name: 'x', quarantineAfter: -1 }],
    [{ name: 'x', format: 'other' }],
    [{ name: 'x', secret: 'short' }],
    [{ name: 'x', secret: 'пятнадцать и ещё букв' }],
    [{ name: 'x', secret: null }],
    [{ name: 'x', assign: {} }],
    [{ name: 'x', extra: 1 }],
  ])('refuses %j', (body) => {
    expect(createFormBody.safeParse(body).success).toBe(false);
  });

  it('takes any part in a change', () => {
    expect(changeFormBody.parse({})).toEqual({});
  });
});
