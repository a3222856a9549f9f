import fc from 'fast-check';
import { sealedLeadSchema, type SealedLead } from '#contracts';
import { DomainError } from '#kernel';
import { leadOf } from './lead.reading.js';

const IP = '192.0.2.7';
const context = { requireConsent: false, ip: IP, receivedAt: '2026-01-01T00:00:00.000Z', isFlat: false };
const read = (body: unknown, requireConsent = false): SealedLead => leadOf(body, { ...context, requireConsent }).lead.expose();
const refusal = (body: unknown, requireConsent = false): DomainError => {
  try {
    read(body, requireConsent);
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
  throw new Error('was not refused');
};
const codesOf = (body: unknown): string[] => (refusal(body).options.errors ?? []).map(({ path, code }) => `${path}:${code}`);

describe('a lead', () => {
  it('is read with its attribution and consent', () => {
    const consent = { textId: 'pd-2026-09', givenAt: '2026-11-23T13:00:00+03:00' };
    const body = {
      name: ' A. Person ',
      phone: '8 (900) 000-00-00',
      attribution: { utm_source: 'yandex', adCost: 120.5 },
      consent,
    };
    expect(read(body)).toEqual({
      name: 'A. Person',
      phone: '8 (900) 000-00-00',
      attribution: { utm_source: 'yandex', adCost: '120.5' },
      consent: { textId: 'pd-2026-09', givenAt: '2026-11-23T10:00:00.000Z' },
      ip: IP,
    });
  });

  it.each(['name', 'phone', 'email', 'message'])('needs no more than %s', (field) => {
    expect(read({ [field]: 'x' })).toMatchObject({ [field]: 'x' });
  });

  it.each([[{}], [{ company: 'x', title: 'y' }], [{ name: '  ', phone: null }]])('without any of them is refused: %j', (body) => {
    expect(codesOf(body)).toEqual([':nothing-to-contact']);
  });

  it.each([[null], ['text'], [3], [[]], [true]])('is an object, not %j', (body) => {
    expect(codesOf(body)).toEqual([':not-an-object']);
  });

  it('takes flat marks of a campaign as attribution; what is said in attribution itself wins', () => {
    const body = {
      name: 'x',
      utm_source: 'a',
      gclid: 'g',
      _ym_uid: 7,
      'attribution[city]': 'c',
      attribution: { utm_source: 'b' },
    };
    expect(read(body).attribution).toEqual({ utm_source: 'b', gclid: 'g', _ym_uid: '7', city: 'c' });
  });

  it('puts unknown fields under custom, where they set nothing', () => {
    const body = JSON.parse(
      '{"name":"x","responsibleId":"r","tags":["vip"],"website":"w","__proto__":{"a":1},"constructor":"c"}',
    );
    const lead = read(body);
    expect(lead.attribution).toEqual({
      'custom.responsibleId': 'r',
      'custom.tags': '["vip"]',
      'custom.__proto__': '{"a":1}',
      'custom.constructor': 'c',
    });
    expect(Object.getPrototypeOf(lead.attribution)).toBe(Object.prototype);
  });

  it('keeps attribution.custom flat, and __proto__ in attribution away from prototypes', () => {
    const body = JSON.parse('{"name":"x","attribution":{"custom":{"a":"1"},"__proto__":"p"}}');
    expect(read(body).attribution).toEqual({ 'custom.a': '1', 'custom.__proto__': 'p' });
  });

  it('counts limits in characters, and names no key or value in a refusal', () => {
    expect(read({ name: '😀'.repeat(200) }).name).toHaveLength(400);
    expect(codesOf({ name: '😀'.repeat(201) })).toEqual(['name:too-long']);
    const planted = 'planted'.repeat(200);
    expect(codesOf({ name: 'x', attribution: { k: planted } })).toEqual(['attribution:too-long']);
    expect(codesOf({ name: 'x', [planted]: 'v' })).toEqual(['attribution:invalid-key']);
    expect(JSON.stringify(refusal({ name: 'x', [planted]: planted, attribution: { planted } }).options)).not.toContain('planted');
  });

  it('takes 100 attribution keys and no more', () => {
    const keys = (count: number): object => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']));
    expect(Object.keys(read({ name: 'x', attribution: keys(100) }).attribution)).toHaveLength(100);
    expect(codesOf({ name: 'x', attribution: keys(60), ...keys(41) })).toEqual(['attribution:too-many-keys']);
  });

  it('asks for the consent that the form wants', () => {
    expect(refusal({ name: 'x' }, true).code).toBe('consent-required');
    expect(codesOf({ name: 'x', consent: { textId: 't', givenAt: 'yesterday' } })).toEqual(['consent.givenAt:not-a-time']);
    // A day that there is not is no time; `Date.parse` would make 2 March of it.
    expect(codesOf({ name: 'x', consent: { textId: 't', givenAt: '2026-02-30T10:00:00Z' } })).toEqual([
      'consent.givenAt:not-a-time',
    ]);
    expect(codesOf({ name: 'x', consent: {} })).toEqual(['consent.textId:required', 'consent.givenAt:not-a-time']);
  });

  it('makes text storable: NFC, no lone surrogate, no NUL', () => {
    expect(read({ name: 'й\ud800\u0000' }).name).toBe('й\ufffd\ufffd');
  });

  it('reads submissionId as a key, not as a part of the lead', () => {
    const draft = leadOf({ name: 'x', submissionId: 's-1' }, context);
    expect(draft.submissionId).toBe('s-1');
    expect(draft.lead.expose()).toEqual({ name: 'x', attribution: {}, ip: IP });
  });
});

describe('the field that only machines see', () => {
  const trapped = (website: unknown): boolean => leadOf({ name: 'x', website }, context).isTrapped;
  it('traps who fills it, and is kept nowhere', () => {
    expect([trapped('http://spam.example'), trapped(1), trapped({})]).toEqual([true, true, true]);
    expect([trapped(''), trapped(' '), trapped(null), trapped(undefined)]).toEqual([false, false, false, false]);
    expect(leadOf({ name: 'x', website: 'spam' }, context).lead.expose().attribution).toEqual({});
  });
});

describe('a flat body', () => {
  const flat = (body: object) => leadOf(body, { ...context, isFlat: true, requireConsent: true }).lead.expose();
  it('agrees by two fields, or by a check box at the time it comes', () => {
    const both = { name: 'x', 'consent[textId]': 'pd-1', 'consent[givenAt]': '2026-11-23T10:00:00Z' };
    expect(flat(both)).toMatchObject({ attribution: {}, consent: { textId: 'pd-1', givenAt: '2026-11-23T10:00:00.000Z' } });
    expect(flat({ name: 'x', consent: 'pd-1' }).consent).toEqual({ textId: 'pd-1', givenAt: context.receivedAt });
    expect(() => flat({ name: 'x', consent: '' })).toThrow(expect.objectContaining({ code: 'consent-required' }));
  });

  it('brings marks by their names, or in brackets', () => {
    const body = { name: 'x', consent: 'c', utm_source: 'a', gclid: 'b', 'attribution[city]': 'c', other: 'd' };
    expect(flat(body).attribution).toEqual({ utm_source: 'a', gclid: 'b', city: 'c', 'custom.other': 'd' });
  });
});

describe('any JSON at all', () => {
  const ownNames = ['name', 'phone', 'email', 'message', 'attribution', 'consent', 'submissionId', '__proto__', 'utm_source'];
  const field = fc.oneof(fc.constantFrom(...ownNames), fc.string({ unit: 'binary', maxLength: 80 }));
  const value = fc.oneof(fc.string({ unit: 'binary', maxLength: 1_500 }), fc.jsonValue({ maxDepth: 4 }));
  const bodies = fc.oneof(
    fc.jsonValue(),
    fc.array(fc.tuple(field, value), { maxLength: 120 }).map((entries) => Object.fromEntries(entries)),
  );

  it('gives a bounded lead of the contract, or a refusal', () => {
    fc.assert(
      fc.property(bodies, fc.boolean(), (body, requireConsent) => {
        try {
          const lead = read(body, requireConsent);
          expect(sealedLeadSchema.parse(lead)).toBeDefined();
          expect(Object.keys(lead.attribution).length).toBeLessThanOrEqual(100);
          expect(JSON.stringify(lead).length).toBeLessThan(1_000_000);
        } catch (error) {
          if (!(error instanceof DomainError)) throw error;
          expect(['validation-failed', 'consent-required']).toContain(error.code);
          expect(error.options.errors?.length ?? 0).toBeLessThanOrEqual(20);
        }
      }),
      { numRuns: 500 },
    );
    expect(({} as Record<string, unknown>)['a']).toBeUndefined();
  });
});
