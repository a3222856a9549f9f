import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SecuritySettings } from '#contracts';
import { compileRights, filterFor, type Principal } from '#policy';
import { madeCardSql, openCardsSql, openCardSql, placedOpening, type Opening } from './card-sql.js';
import { parseListRequest } from './list-request.js';
import { COMPANIES, CONTACTS, DEALS, type RecordKind } from './record-kind.js';
import { countSql, listSql, Values, type ListFilters, type Sql } from './record-sql.js';

const FILE = join(import.meta.dirname, '..', '..', '..', '..', 'test', 'contracts', 'statements.gen.sql');
const ID = '01a21b0c-044c-72dc-909b-a3ca825fdbb6';
const OWN = { view: 'responsible', restore: 'responsible' } as const;
const grants = { contact: OWN, company: OWN, deal: OWN, attribution: { view: 'responsible' } } as const;
const principal: Principal = {
  ...{ userId: ID, isAdmin: false, groupUserIds: new Set([ID]) },
  rights: compileRights({ isAdmin: false, roles: [{ id: ID, name: 'Seller', grants }], roleIds: [ID] }),
};
const settings = { hidePhones: true, hideEmails: true } as SecuritySettings;

/** Each statement by which records are read, for one who sees his own alone. */
function statementsOf(kind: RecordKind): Readonly<Record<string, Sql>> {
  const filters: ListFilters = {
    records: [filterFor(principal, kind.type, 'view')],
    attribution: filterFor(principal, 'attribution', 'view'),
  };
  const asked = (query: object) => parseListRequest(kind, query, 'RU');
  const page = asked({ cursor: Buffer.from(JSON.stringify(['-createdAt', '2026-01-01T00:00:00Z', ID])).toString('base64url') });
  const narrowed = asked({
    ...{ responsibleId: ID, departmentId: ID, createdFrom: '2026-01-01T00:00:00Z', createdTo: '2026-02-01T00:00:00Z' },
    ...(kind.type === 'company' ? {} : { companyId: ID }),
    ...(kind.type === 'deal' ? { contactId: ID, stageId: ID, 'attribution[utm_source]': 'x', sort: 'amount' } : { sort: 'name' }),
  });
  const sought = asked({ q: 'ivan pet' });
  const opening: Opening = { kind, id: ID, principal, settings, gate: [ID, ID, null, '127.0.0.1'] };
  const session = { hash: Buffer.alloc(32), authzVersion: 1, needsSecondFactor: false };
  const values = new Values();
  return {
    'next page': listSql(kind, page, filters),
    'narrowed list': listSql(kind, narrowed, filters),
    'words, walked': listSql(kind, sought, filters, { kind: 'walked', rows: 5_000 }),
    'words, collected': listSql(kind, sought, filters, { kind: 'collected' }),
    count: countSql(kind, narrowed, filters),
    opening: openCardSql(opening),
    'opening among several': openCardsSql([placedOpening(opening)]),
    'opening that looks at the session': openCardSql({ ...opening, session }),
    'the same among several': openCardsSql([placedOpening({ ...opening, session })]),
    'opening of the past': openCardSql({ ...opening, named: [ID] }),
    'card just made': { text: madeCardSql(kind, ID, principal, values), values: values.list },
  };
}

it('records are read by the statements that are committed (write them anew with WRITE_DOCS=1)', () => {
  const all = [CONTACTS, COMPANIES, DEALS].flatMap((kind) =>
    Object.entries(statementsOf(kind)).map(
      ([name, { text }]) => `-- ${kind.route}: ${name}\n${text.replaceAll(/\n\s+/g, '\n  ')};`,
    ),
  );
  const text = `${all.join('\n\n')}\n`;
  if (process.env['WRITE_DOCS'] === '1') writeFileSync(FILE, text);
  expect(text.split('\n')).toEqual(readFileSync(FILE, 'utf8').split('\n'));
});
