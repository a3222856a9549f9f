import fc from 'fast-check';
import { Secret } from '#kernel';
import type { EventMetadata, Statement } from '#event-store';
import { statementsOf } from '../log/row-change.js';
import { blindIndexHex, maskText, newDataKey, open, parsePhone, seal } from '#privacy';
import { projectCompany } from '../companies/read-model/company.projection.js';
import type { CompanyFields } from '../companies/domain/company.events.js';
import { projectContact } from '../contacts/read-model/contact.projection.js';
import type { ContactFields } from '../contacts/domain/contact.events.js';
import type { ProjectionTools } from '../log/aggregate.js';
import type { CustomContent } from './domain/custom-values.js';
import { mergePoints } from './domain/contact-point.js';
import { personalText } from './domain/personal-text.js';
import { emailInputs, phoneInputs } from './record-bodies.js';

const REGION = 'RU';
const ID = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa';
const [dataKey, lookupKey] = [newDataKey(), newDataKey()];
const tools: ProjectionTools = {
  sealPoint: (pointId, value) => seal(dataKey, value, pointId),
  blindIndex: (kind, canonical) => blindIndexHex(lookupKey, kind, canonical),
};
const metadata: EventMetadata = {
  actorId: null,
  sessionId: null,
  tokenId: null,
  ip: null,
  commandId: ID,
  correlationId: ID,
  causationId: null,
  at: '2026-01-01T00:00:00.000Z',
};
const recorded = { id: ID, aggregateId: ID, version: 1, metadata };

/** Valid numbers of several countries, in E.164 form. */
const numbers = fc
  .oneof(
    fc.stringMatching(/^\+79[0-9]{9}$/),
    fc.stringMatching(/^\+1212[2-9][0-9]{6}$/),
    fc.stringMatching(/^\+447[4-9][0-9]{8}$/),
    fc.stringMatching(/^\+4915[127][0-9]{7,8}$/),
  )
  .filter((text) => parsePhone(text, REGION).ok);
/** Ways to write a number by hand. */
const spelled = numbers.chain((number) =>
  fc
    .constantFrom(
      (text: string) => text,
      (text: string) => `${text.slice(0, -7)} ${text.slice(-7, -4)}-${text.slice(-4, -2)}-${text.slice(-2)}`,
      (text: string) => `tel:${text}`,
      (text: string) => `${text.slice(0, -7)} (${text.slice(-7, -4)}) ${text.slice(-4)}`,
    )
    .map((spell) => ({ number, text: spell(number) })),
);
const locals = fc.stringMatching(/^[a-z]{9,14}$/);

const texts = (written: string) => ({
  name: personalText(`Ivan ${written}`, REGION),
  note: personalText(`Call ${written} after six`, REGION),
  tags: [personalText(written, REGION)],
  customFields: { [ID]: new Secret<CustomContent>({ type: 'text', value: written, masked: maskText(written, REGION) }) },
});
const pointsOf = (number: string, written: string, address: string) => ({
  phones: mergePoints('phone', [], phoneInputs([{ number, label: `Work ${written}` }], REGION), 'phones'),
  emails: mergePoints('email', [], emailInputs([{ address, label: address }], REGION), 'emails'),
});
const valuesOf = (statements: readonly Statement[]): string => JSON.stringify(statements.map(({ values }) => values));

/** The number in no spelling: not as it is, and not with anything between its digits. */
function expectNoNumber(statements: readonly Statement[], number: string): void {
  const national = number.slice(-10);
  expect(JSON.stringify(statements)).not.toContain(national);
  expect(valuesOf(statements).replace(/\D/g, '')).not.toContain(national);
}

describe('statements hold no clear number and no clear e-mail', () => {
  it('of a contact', () => {
    fc.assert(
      fc.property(spelled, locals, ({ number, text }, local) => {
        const address = `${local}@example.org`;
        const fields: ContactFields = {
          ...texts(`${text}, ${address}`),
          ...pointsOf(number, text, address),
          companyId: null,
        };
        const created = projectContact(
          { ...recorded, event: { type: 'ContactCreated', data: { ...fields, responsibleId: null, leadId: null } } },
          tools,
        ).flatMap(statementsOf);
        const changed = projectContact(
          { ...recorded, version: 2, event: { type: 'ContactChanged', data: fields } },
          tools,
        ).flatMap(statementsOf);
        for (const statements of [created, changed]) {
          expectNoNumber(statements, number);
          expect(JSON.stringify(statements)).not.toContain(local);
        }
      }),
    );
  });

  it('of a company', () => {
    fc.assert(
      fc.property(spelled, locals, ({ number, text }, local) => {
        const address = `${local}@example.org`;
        const fields: CompanyFields = {
          ...texts(`${text}, ${address}`),
          ...pointsOf(number, text, address),
          website: personalText(`https://example.org/?phone=${text}`, REGION),
          address: personalText(`Main street, ${text}, ${address}`, REGION),
        };
        const statements = projectCompany(
          { ...recorded, event: { type: 'CompanyCreated', data: { ...fields, responsibleId: null, leadId: null } } },
          tools,
        ).flatMap(statementsOf);
        expectNoNumber(statements, number);
        expect(JSON.stringify(statements)).not.toContain(local);
      }),
    );
  });
});

describe('the statements of a contact', () => {
  const fields: ContactFields = {
    ...texts('8 916 123-45-67'),
    ...pointsOf('8 916 123-45-67', '', 'ivan@example.ru'),
    companyId: null,
  };
  const data = { ...fields, responsibleId: ID, leadId: null };
  const project = (event: Parameters<typeof projectContact>[0]['event'], version: number) =>
    projectContact({ ...recorded, version, event }, tools).flatMap(statementsOf);

  it('show masks, and keep the number sealed in the vault', () => {
    const [row, phones] = project({ type: 'ContactCreated', data }, 1);
    expect(row?.values).toContain(JSON.stringify([{ id: fields.phones[0]?.id, label: 'Work ', masked: '+7 *** ***-**-67' }]));
    const [point] = JSON.parse(String(phones?.values[0])) as { id: string; sealed: string; blind: string }[];
    expect(open(dataKey, String(point?.sealed), String(point?.id))).toBe('+79161234567');
    expect(point?.blind).toBe(blindIndexHex(lookupKey, 'phone', '+79161234567'));
  });

  it('touch a row only where it is older than the event', () => {
    const events = [
      project({ type: 'ContactChanged', data: { companyId: ID } }, 2),
      project({ type: 'ContactAssigned', data: { responsibleId: null } }, 3),
      project({ type: 'ContactDeleted', data: {} }, 4),
      project({ type: 'ContactRestored', data: {} }, 5),
    ];
    for (const [index, [update]] of events.entries()) {
      const parameter = /^UPDATE read\.contacts SET version = \$2, .* WHERE id = \$1 AND version < \$(\d+)$/.exec(
        update?.text ?? '',
      )?.[1];
      expect(update?.values[Number(parameter) - 1]).toBe(index + 2);
    }
    expect(project({ type: 'ContactCreated', data }, 1)[0]?.text).toMatch(/^INSERT INTO .* ON CONFLICT \(id\) DO NOTHING$/);
  });

  it('leave nothing of a point that was taken away', () => {
    const [, clear, ...rest] = project({ type: 'ContactChanged', data: { phones: [] } }, 2);
    expect(clear).toMatchObject({ text: expect.stringMatching(/^DELETE FROM vault\.points/), values: [ID, 'phone'] });
    expect(rest).toEqual([]);
  });

  it('can be made of a contact whose key was destroyed', () => {
    const erased: ContactFields = {
      name: Secret.erased(),
      phones: fields.phones.map((point) => ({ ...point, value: Secret.erased(), label: Secret.erased() })),
      emails: [],
      companyId: null,
      note: Secret.erased(),
      tags: [Secret.erased()],
      customFields: { [ID]: Secret.erased() },
    };
    const statements = project({ type: 'ContactCreated', data: { ...erased, responsibleId: null, leadId: null } }, 1);
    expect(statements).toHaveLength(1);
    expect(statements[0]?.values).toContain('erased');
    expect(valuesOf(statements)).toContain('\\"masked\\":\\"***\\"');
  });
});
