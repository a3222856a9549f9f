import type { HttpClient } from '#testing';
import { answered, eventually, type Json } from './staff.js';

export type ExportState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
export interface Standing {
  readonly exportId: string;
  readonly state: ExportState;
  readonly rows: number;
  readonly done: number;
}
export interface DownloadedFile {
  readonly headers: Headers;
  readonly bytes: Buffer;
}

/** Asks for an export and waits until it is done. */
export async function startedExport(client: HttpClient, body: Json): Promise<Standing> {
  const { exportId } = await answered(202, client.post<{ exportId: string }>('/v1/exports', body));
  return eventually('the export is done', async () => {
    const standing = await answered(200, client.get<Standing>(`/v1/exports/${exportId}`));
    if (standing.state === 'failed' || standing.state === 'cancelled') throw new Error(`the export is ${standing.state}`);
    return standing.state === 'done' ? standing : undefined;
  });
}

/** The file as bytes: XLSX is no text. */
export async function downloaded(client: HttpClient, exportId: string): Promise<DownloadedFile> {
  const headers = { authorization: `Bearer ${client.token ?? ''}` };
  const answer = await fetch(`${client.baseUrl}/v1/exports/${exportId}/file`, { headers, signal: AbortSignal.timeout(30_000) });
  if (answer.status !== 200) throw new Error(`the file answered ${answer.status}`);
  return { headers: answer.headers, bytes: Buffer.from(await answer.arrayBuffer()) };
}

/** The file of an export that is asked for, waited for and fetched. */
export async function exported(client: HttpClient, body: Json): Promise<DownloadedFile> {
  const { exportId } = await startedExport(client, body);
  return downloaded(client, exportId);
}
