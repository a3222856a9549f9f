import { MOST_EXPOSURE_ROWS, type ExposureReply, type ExposureRow } from '#contracts';
import type { FileContent } from '../exports/export-file.js';
import type { MonitorClient } from './monitor-client.js';

/** What of the ledger is asked for; null: not filtered by it. */
export interface ExposureFilter {
  readonly userId: string | null;
  readonly subjectId: string | null;
  readonly from: string | null;
  readonly to: string | null;
}

const COLUMNS = ['at', 'userId', 'subjectType', 'subjectId', 'kind', 'masked', 'ip', 'sessionId', 'tokenId'] as const;

/**
 * The rows of a filter as a file, newest first, part after part as they are read; before each of the further ones `recheck` is asked.
 * The first is read before this resolves, so that a monitor which is away is an answer and not half a file. Throws as
 * `MonitorClient.exposure`.
 */
export async function exposureFile(
  monitor: Pick<MonitorClient, 'exposure'>,
  filter: ExposureFilter,
  recheck: () => Promise<unknown>,
): Promise<FileContent> {
  const page = (cursor: string | null): Promise<ExposureReply> =>
    monitor.exposure({ ...filter, limit: MOST_EXPOSURE_ROWS, cursor, counted: false });
  const first = await page(null);
  async function* parts(): AsyncGenerator<readonly (readonly string[])[]> {
    for (let { items, nextCursor } = first; ; { items, nextCursor } = await page(nextCursor)) {
      yield items.map(cellsOf);
      if (nextCursor === null) return;
      await recheck();
    }
  }
  return { header: COLUMNS, parts: parts() };
}

function cellsOf(row: ExposureRow): readonly string[] {
  return COLUMNS.map((column) => String(row[column] ?? ''));
}
