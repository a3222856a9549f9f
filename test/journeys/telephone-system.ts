import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Json } from './staff.js';

/** One post as it came. */
export interface Posted {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: Json;
}

/** A telephone system that takes calls over HTTP, and answers as it is told. */
export class TelephoneSystem {
  readonly posts: Posted[] = [];
  /** What it answers from now on. */
  status = 204;

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async open(): Promise<TelephoneSystem> {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const system = new TelephoneSystem(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}/calls`);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        system.posts.push({ headers: request.headers, text, body: JSON.parse(text) as Json });
        response.writeHead(system.status).end();
      });
    });
    return system;
  }

  /** The posts of one call. */
  of(callId: unknown): Posted[] {
    return this.posts.filter(({ body }) => body['callId'] === callId);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }
}

/** As a receiver checks it: `t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`, not older than a minute. */
export function isSigned({ headers, text }: Posted, secret: string): boolean {
  const [, seconds = '', mac = ''] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['palisade-signature'])) ?? [];
  const expected = createHmac('sha256', secret).update(`${seconds}.${text}`).digest();
  const given = Buffer.from(mac, 'hex');
  return (
    given.length === expected.length && timingSafeEqual(given, expected) && Math.abs(Date.now() / 1_000 - Number(seconds)) < 60
  );
}
