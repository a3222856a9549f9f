import fc from 'fast-check';
import pg from 'pg';
import { searchVector } from '#contracts';
import { findsNumber } from '#privacy';
import { testDatabase, testPool, type TestDatabase } from '#testing';
import { encodeCursor } from '../http/index.js';
import { cursorKeys, parseListRequest } from './list-request.js';
import { CONTACTS } from './record-kind.js';
import { listSql, type ListFilters, type Sql } from './record-sql.js';
import { nextWalk, searchRows } from './search-rows.js';

let database: TestDatabase;
let gateway: pg.Pool;

beforeAll(async () => {
  database = await testDatabase();
  gateway = testPool(database.gatewayUrl, 2);
});
afterAll(async () => {
  await gateway.end();
  await database.drop();
});

const letters = 'abABёЁеЕйвВ12';
const separators = [' ', '-', '.', '/', '@', "'", '«', '»', '_', '+', ':', '*', '&', '\\', ' — '];
const word = fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: 4 });
const text = fc
  .array(fc.tuple(word, fc.constantFrom(...separators)), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.flat().join(''));
const queries = fc
  .array(fc.oneof(word, fc.constantFrom(...separators), fc.constant(' ')), { minLength: 0, maxLength: 5 })
  .map((parts) => parts.join(''));

/** The contract in the plainest words: a number or an address finds nothing, else every word of the query is the beginning of a word of the name, in any case. */
const wordsOf = (written: string): string[] =>
  written
    .toLowerCase()
    .replaceAll('ё', 'е')
    .split(/[^abейв12]+/)
    .filter((part) => part !== '');
const isFound = (name: string, q: string): boolean =>
  !findsNumber(q, 'RU') &&
  wordsOf(q).length > 0 &&
  wordsOf(q).every((asked) => wordsOf(name).some((part) => part.startsWith(asked)));

const everything = { kind: 'everything' } as const;
const FILTERS: ListFilters = { records: [everything], attribution: everything };
const run = async ({ text: statement, values }: Sql): Promise<{ id: string; name: string }[]> =>
  (await gateway.query<{ id: string; name: string }>(statement, [...values])).rows;

async function found(q: string): Promise<string[]> {
  const rows = await searchRows(CONTACTS, parseListRequest(CONTACTS, { q, limit: '200' }, 'RU'), FILTERS, run);
  return rows.map(({ name }) => name).sort();
}

it('finds a name exactly when each word asked for begins one of its words', async () => {
  const names = [...new Set(fc.sample(text, 190))];
  const superuser = new pg.Client({ connectionString: database.superuserUrl });
  await superuser.connect();
  await superuser.query(
    `INSERT INTO read.contacts (id, name, search, created_at, updated_at, version)
     SELECT gen_random_uuid(), name, words::tsvector, now() - random() * interval '1 s', now(), 1 FROM unnest($1::text[], $2::text[]) AS n(name, words)`,
    [names, names.map(searchVector)],
  );
  await superuser.end();
  let hits = 0;
  await fc.assert(
    fc.asyncProperty(fc.oneof(queries, fc.constantFrom(...names)), async (q) => {
      const expected = names.filter((name) => isFound(name, q)).sort();
      hits += expected.length;
      expect([q, await found(q)]).toEqual([q, expected]);
    }),
    { numRuns: 400 },
  );
  expect(hits).toBeGreaterThan(100);
  // Every way to the rows gives the same page.
  for (const sort of ['createdAt', '-createdAt', 'name', '-name'])
    for (const q of ['a', 'е 1', 'ab'])
      for (let cursor: string | undefined, pages = 0; pages < 3; pages += 1) {
        const query = { q, sort, limit: '7', ...(cursor === undefined ? {} : { cursor }) };
        const request = parseListRequest(CONTACTS, query, 'RU');
        const [planned, walked, collected] = await Promise.all(
          ([{ kind: 'planned' }, { kind: 'walked', rows: 190 }, { kind: 'collected' }] as const).map((way) =>
            run(listSql(CONTACTS, request, FILTERS, way)),
          ),
        );
        expect([sort, q, walked]).toEqual([sort, q, planned]);
        expect([sort, q, collected]).toEqual([sort, q, planned]);
        expect(await searchRows(CONTACTS, request, FILTERS, run)).toEqual(planned);
        const last = planned?.[6] as { id: string; sort_key: string } | undefined;
        if (last === undefined) break;
        cursor = encodeCursor(cursorKeys(request.sort, { value: last.sort_key, id: last.id }));
      }
});

it.each(['+7 916 123-45-67', '89161234567', 'иван 8_916_123_45_67', 'ivan@example.ru', 'tel:+79161234567'])(
  'asks for no word of a query that holds a number or an address',
  (q) => {
    expect(parseListRequest(CONTACTS, { q }, 'RU').words).toEqual([]);
  },
);

describe('a walk', () => {
  it('is made again as long as the first one makes a full page likely, and not where words are rare', () => {
    expect(nextWalk(25, 5_000, 51)).toBe(20_400);
    expect(nextWalk(13, 5_000, 51)).toBe(39_231);
    expect(nextWalk(12, 5_000, 51)).toBeNull();
    expect(nextWalk(0, 5_000, 51)).toBeNull();
  });
});
