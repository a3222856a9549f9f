import fc from 'fast-check';
import { Secret } from '#kernel';
import type { ContactPoint } from '../../records/domain/contact-point.js';
import {
  addedPoints,
  dealNote,
  leadAttribution,
  leadMessage,
  leadPoints,
  maskedLead,
  newContactFields,
  quarantineReason,
  sentLead,
} from './lead.planning.js';
import type { SentLead } from './lead.events.js';
import { leadTitle, nextInTurn } from './lead-title.js';

const IDS = { phone: '00000000-0000-4000-8000-000000000001', email: '00000000-0000-4000-8000-000000000002' };
const OTHER_IDS = { phone: '00000000-0000-4000-8000-000000000003', email: '00000000-0000-4000-8000-000000000004' };
const lead = (parts: Partial<SentLead>): SentLead => ({ attribution: {}, ip: '192.0.2.1', ...parts });

describe('the points of a lead', () => {
  it('are normalised and unverified', () => {
    const points = leadPoints(lead({ phone: '8 (916) 555-01-23', email: 'A@Example.org' }), IDS, 'RU');
    expect(points.map(({ kind, form, unverified, value }) => [kind, form, unverified, value.expose()])).toEqual([
      ['phone', 'normal', true, '+79165550123'],
      ['email', 'normal', true, 'A@example.org'],
    ]);
  });

  it('are kept raw where they do not parse, and dropped where they are masks', () => {
    const [raw] = leadPoints(lead({ phone: 'ask at the desk' }), IDS, 'RU');
    expect([raw?.form, raw?.value.expose()]).toEqual(['raw', 'ask at the desk']);
    expect(leadPoints(lead({ phone: '+7 *** ***-**-67' }), IDS, 'RU')).toEqual([]);
  });
});

describe('a known contact', () => {
  const present = newContactFields(lead({ name: 'N' }), leadPoints(lead({ phone: '+7 916 555-01-23' }), IDS, 'RU'), 'RU');

  it('keeps what it has: the same number in another spelling adds nothing', () => {
    expect(addedPoints(present, leadPoints(lead({ phone: '8 916 555 01 23' }), OTHER_IDS, 'RU'))).toEqual({});
  });

  it('gets the new e-mail beside its own points, and nothing else changes', () => {
    const changes = addedPoints(present, leadPoints(lead({ phone: '89165550123', email: 'a@example.org' }), OTHER_IDS, 'RU'));
    expect(Object.keys(changes)).toEqual(['emails']);
    expect(changes.emails).toHaveLength(1);
  });
});

describe('a known contact and what does not parse', () => {
  it('gets it once, raw, and no more points than a contact takes', () => {
    const raw = (): ContactPoint[] => [...leadPoints(lead({ phone: 'ask at the desk' }), IDS, 'RU')];
    const empty = newContactFields(lead({}), [], 'RU');
    const once = addedPoints(empty, raw());
    expect(once.phones?.map(({ form }) => form)).toEqual(['raw']);
    expect(addedPoints({ ...empty, phones: once.phones ?? [] }, raw())).toEqual({});
    const full = Array.from({ length: 50 }, (_, n) => leadPoints(lead({ phone: `desk ${n}` }), IDS, 'RU')).flat();
    expect(addedPoints({ ...empty, phones: full }, raw())).toEqual({});
  });
});

describe('a new contact', () => {
  it('has a dash for a name that was not given', () => {
    expect(newContactFields(lead({ phone: '1' }), [], 'RU').name.expose().text).toBe('—');
  });

  it('masks a number that stands in the name', () => {
    expect(newContactFields(lead({ name: 'Call +7 916 555-01-23' }), [], 'RU').name.expose().masked).not.toContain('555');
  });
});

describe('attribution and message', () => {
  it('are sealed, with masks beside them', () => {
    const attribution = leadAttribution(lead({ attribution: { utm_term: 'tel 89165550123' } }), 'RU');
    expect(attribution).toBeInstanceOf(Secret);
    expect(attribution?.expose()['utm_term']?.masked).not.toContain('5550123');
    expect(leadMessage(lead({ message: '  ' }), 'RU')).toBeNull();
    expect(leadAttribution(lead({}), 'RU')).toBeNull();
  });
});

describe('the note of the deal', () => {
  it('keeps what the form has no field for, masked', () => {
    const note = dealNote(lead({ title: ' Delivery ', company: 'Daisy', message: 'Call 89165550123' }), 'RU');
    expect(note?.expose().text).toBe('Delivery\nDaisy\nCall 89165550123');
    expect(note?.expose().masked).not.toContain('5550123');
    expect(dealNote(lead({ title: ' ' }), 'RU')).toBeNull();
  });
});

describe('a lead that waits', () => {
  it('is shown masked, in every field', () => {
    const number = '89165550123';
    const sent = lead({
      ...{ name: `N ${number}`, phone: number, email: 'ivan@mail.ru', company: number, title: number, message: `x ${number}` },
      attribution: { utm_term: number },
    });
    const masked = maskedLead(sent, 'RU');
    expect(masked).toMatchObject({ phone: '+7 *** ***-**-23', email: 'i***@m***.ru' });
    expect(JSON.stringify(masked)).not.toMatch(/5550123|ivan/);
    expect(maskedLead(lead({ phone: 'ask', name: ' ' }), 'RU')).toMatchObject({ name: null, phone: '***', email: null });
  });

  it('waits for what ingest or the form says, ingest first', () => {
    const received = { attribution: {}, ip: '192.0.2.1' };
    expect(quarantineReason(received, {})).toBeNull();
    expect(quarantineReason(received, { quarantine: true })).toBe('form');
    expect(quarantineReason({ ...received, quarantineReason: 'rate' }, { quarantine: true })).toBe('rate');
    expect(sentLead({ ...received, quarantineReason: 'rate' })).toEqual(received);
  });
});

describe('the title', () => {
  const parts = { form: 'Site', receivedAt: '2026-01-31T22:30:00.000Z', timeZone: 'Europe/Moscow', number: 7 };

  it("puts form, number and the company's date in", () => {
    expect(leadTitle({ ...parts, template: '{form} {date} №{number} {name}' })).toBe('Site 2026-02-01 №7 {name}');
  });

  it('is made of form, date and number alone, whatever the template says', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (template) => {
        const title = leadTitle({ ...parts, template });
        expect([...title].length).toBeLessThanOrEqual(200);
        const rest = title.replaceAll('Site', '').replaceAll('2026-02-01', '').replaceAll('7', '');
        for (const character of rest) expect(template).toContain(character);
      }),
    );
  });
});

describe('turns', () => {
  it('go round, and skip who is gone', () => {
    expect(nextInTurn(['b', 'a', 'c'], null)).toBe('a');
    expect(nextInTurn(['b', 'a', 'c'], 'a')).toBe('b');
    expect(nextInTurn(['b', 'a', 'c'], 'c')).toBe('a');
    expect(nextInTurn(['a', 'c'], 'b')).toBe('c');
    expect(nextInTurn([], 'b')).toBeNull();
  });

  it('are fair over a full circle', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.uuid(), { minLength: 1, maxLength: 8 }), (ids) => {
        const seen: string[] = [];
        let last: string | null = null;
        for (let n = 0; n < ids.length; n += 1) {
          last = nextInTurn(ids, last);
          seen.push(String(last));
        }
        expect([...seen].sort()).toEqual([...ids].sort());
      }),
    );
  });
});
