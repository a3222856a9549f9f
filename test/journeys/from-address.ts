import { request } from 'node:http';
import type { HttpAnswer } from '#testing';
import type { Json } from './staff.js';

export interface Ask {
  readonly token?: string | undefined;
  readonly body?: unknown;
  /** Several values: a header that is sent several times. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
}

/** Sends one request from an address of this machine: all of 127.0.0.0/8 is local on Linux. */
export function askFrom(address: string, method: string, url: string, ask: Ask = {}): Promise<HttpAnswer<Json>> {
  const body = ask.body === undefined || typeof ask.body === 'string' ? ask.body : JSON.stringify(ask.body);
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, localAddress: address, agent: false, headers: headersOf(ask, body) }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const headers = new Headers(
          Object.entries(response.headersDistinct).map(([name, values]) => [name, (values ?? []).join(', ')]),
        );
        resolve({ status: response.statusCode ?? 0, headers, text, body: parsed(text) });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** A stream that is listened to from an address; `text` is what has come so far. */
export interface Listening {
  text(): string;
  readonly ended: Promise<void>;
  close(): void;
}

/** Opens a live stream from an address. Rejects when it is refused. */
export function listenFrom(
  address: string,
  url: string,
  token: string | undefined,
  more: Readonly<Record<string, string>> = {},
): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const headers = headersOf({ token, headers: { accept: 'text/event-stream', ...more } }, undefined);
    const sent = request(url, { localAddress: address, agent: false, headers }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
      response.on('error', () => undefined);
      const ended = new Promise<void>((over) => response.on('close', over));
      if (response.statusCode === 200) resolve({ text: () => text, ended, close: () => sent.destroy() });
      else reject(new Error(`the stream was answered ${response.statusCode}`));
    });
    sent.on('error', reject);
    sent.end();
  });
}

function headersOf({ token, headers }: Ask, body: string | undefined): Record<string, string | string[]> {
  return {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...headers,
  };
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return {};
  }
}
