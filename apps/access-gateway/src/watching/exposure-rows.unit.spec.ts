import { MOST_EXPOSURE_ROWS, type ExposureReply, type ExposureRow } from '#contracts';
import { exposureFile } from './exposure-rows.js';

const row = (subjectId: string): ExposureRow => ({
  ...{ at: '2026-01-01T00:00:00.000Z', userId: 'u', subjectType: 'contact', subjectId, kind: 'card', masked: true },
  ...{ ip: null, sessionId: null },
});
const PAGES: Readonly<Record<string, Pick<ExposureReply, 'items' | 'nextCursor'>>> = {
  '': { items: [row('1'), row('2')], nextCursor: 'second' },
  second: { items: [row('3')], nextCursor: 'third' },
  third: { items: [row('4')], nextCursor: null },
};
const filter = { userId: 'u', subjectId: null, from: null, to: null };

it('a file of the ledger holds the rows of every page, and each but the first is decided about', async () => {
  const asked: unknown[] = [];
  const exposure = (query: { cursor: string | null; limit: number; counted: boolean }): Promise<ExposureReply> => {
    asked.push([query.cursor, query.limit, query.counted]);
    const page = PAGES[query.cursor ?? ''] as Pick<ExposureReply, 'items' | 'nextCursor'>;
    return Promise.resolve({ ok: true, distinctSubjects: 0, distinctUsers: 0, ...page });
  };
  let decided = 0;
  const { header, parts } = await exposureFile({ exposure }, filter, () => Promise.resolve((decided += 1)));
  const cells: string[] = [];
  for await (const part of parts) cells.push(...part.map((line) => String(line[3])));
  expect([header.length, cells, decided]).toEqual([9, ['1', '2', '3', '4'], 2]);
  expect(asked).toEqual(['', 'second', 'third'].map((cursor) => [cursor === '' ? null : cursor, MOST_EXPOSURE_ROWS, false]));
});

it('breaks off where the right to read has gone meanwhile', async () => {
  const exposure = (): Promise<ExposureReply> =>
    Promise.resolve({ ok: true, distinctSubjects: 0, distinctUsers: 0, items: [row('1')], nextCursor: 'second' });
  const { parts } = await exposureFile({ exposure }, filter, () => Promise.reject(new Error('no right')));
  const read = async (): Promise<void> => {
    for await (const _ of parts);
  };
  await expect(read()).rejects.toThrow('no right');
});
