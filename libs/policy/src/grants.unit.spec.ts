import fc from 'fast-check';
import { DomainError } from '#kernel';
import { CELLS, LEVELS, parseGrants, widest } from './index.js';

const level = fc.constantFrom(...LEVELS);

/** The refusal of an input as `path code` lines. */
function refusalOf(input: unknown): readonly string[] {
  try {
    parseGrants(input);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    expect(error.code).toBe('validation-failed');
    return (error.options.errors ?? []).map(({ path, code }) => `${path} ${code}`);
  }
  return [];
}

describe('widest', () => {
  it('is commutative, associative and idempotent, and forbidden is its neutral element', () => {
    fc.assert(
      fc.property(level, level, level, (a, b, c) => {
        expect(widest(a, b)).toBe(widest(b, a));
        expect(widest(widest(a, b), c)).toBe(widest(a, widest(b, c)));
        expect(widest(a, a)).toBe(a);
        expect(widest(a, 'forbidden')).toBe(a);
        expect(widest(a, 'allowed')).toBe('allowed');
      }),
    );
  });

  it('takes the wider of neighbours', () => {
    expect([widest('forbidden', 'responsible'), widest('responsible', 'group'), widest('group', 'allowed')]).toEqual([
      'responsible',
      'group',
      'allowed',
    ]);
  });
});

describe('the catalogue', () => {
  it('holds exactly these cells', () => {
    const record = 'view create(2) edit delete restore assign export call';
    const bySubject: Record<string, string[]> = {};
    for (const { subject, action, kind } of CELLS)
      (bySubject[subject] ??= []).push(kind === 'two-level' ? `${action}(2)` : action);
    expect(Object.fromEntries(Object.entries(bySubject).map(([subject, actions]) => [subject, actions.join(' ')]))).toEqual({
      contact: record,
      company: record,
      deal: `${record} move`,
      phone: 'view reveal',
      email: 'view reveal',
      attribution: 'view',
      ...Object.fromEntries(
        ['settings', 'users', 'departments', 'roles', 'forms', 'pipelines', 'webhooks'].map((subject) => [
          subject,
          'view(2) edit(2)',
        ]),
      ),
      audit: 'view(2)',
      exposure: 'view(2)',
      monitoring: 'view(2)',
      leads: 'accept(2)',
      apiTokens: 'create(2)',
      records: 'import(2) erase(2) rewind(2)',
    });
  });
});

describe('parseGrants', () => {
  it('takes every cell at every level that applies to it, and nothing else', () => {
    for (const { subject, action, kind, path } of CELLS) {
      for (const given of LEVELS) {
        const input = { [subject]: { [action]: given } };
        const applies = kind === 'four-level' || given === 'allowed' || given === 'forbidden';
        if (applies) expect(parseGrants(input)).toEqual(input);
        else expect(refusalOf(input)).toEqual([`${path} level-not-applicable`]);
      }
    }
  });

  it('names every wrong cell', () => {
    expect(
      refusalOf({
        contact: { view: 'all', fly: 'allowed', create: 'group', edit: null },
        castle: {},
        settings: 'allowed',
        deal: { move: 'responsible' },
        audit: ['view'],
      }),
    ).toEqual([
      'grants.contact.view unknown-level',
      'grants.contact.fly unknown-action',
      'grants.contact.create level-not-applicable',
      'grants.contact.edit unknown-level',
      'grants.castle unknown-subject',
      'grants.settings invalid-type',
      'grants.audit invalid-type',
    ]);
  });

  it.each([undefined, null, 'allowed', 7, []])('refuses what is no object (%p)', (input) => {
    expect(refusalOf(input)).toEqual(['grants invalid-type']);
  });

  it('knows no names that objects inherit', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      expect(refusalOf(JSON.parse(`{"${name}": {"view": "allowed"}}`))).toEqual([`grants.${name} unknown-subject`]);
      expect(refusalOf(JSON.parse(`{"contact": {"${name}": "allowed"}}`))).toEqual([`grants.contact.${name} unknown-action`]);
      expect(refusalOf({ contact: { view: name } })).toEqual(['grants.contact.view unknown-level']);
    }
    expect(Object.hasOwn(Object.prototype, 'view')).toBe(false);
  });

  it('repeats no key that is not a plain name, and lists a hundred errors at most', () => {
    expect(refusalOf({ '+1 555 0100': {} })).toEqual(['grants unknown-subject']);
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`x${index}`, {}]));
    expect(refusalOf(many)).toHaveLength(100);
  });

  it('reads anything without failing in another way', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true }), fc.constantFrom('contact', 'deal', 'settings'), (value, subject) => {
        refusalOf(value);
        refusalOf({ [subject]: value });
        refusalOf({ [subject]: { view: value } });
      }),
    );
  });
});
