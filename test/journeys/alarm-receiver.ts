import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Alarm } from './alarm-watch.js';

/** A server of somebody who has alarms pushed to him. */
export class AlarmReceiver {
  readonly #server: Server;
  readonly #taken: Array<{ readonly body: string; readonly signature: string }> = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(): Promise<AlarmReceiver> {
    const receiver: AlarmReceiver = new AlarmReceiver(
      createServer((request, response) => {
        let body = '';
        request.on('data', (chunk: Buffer) => (body += chunk.toString()));
        request.on('end', () => {
          receiver.#taken.push({ body, signature: String(request.headers['palisade-signature']) });
          response.writeHead(204).end();
        });
      }),
    );
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/alarms`;
  }

  /** What came about a person. Throws on a message that is not signed with the secret. */
  about(userId: string, secret: string): Alarm[] {
    for (const { body, signature } of this.#taken) {
      const [, seconds = '', mac] = /^t=(\d{10}),v1=([0-9a-f]{64})$/.exec(signature) ?? [];
      if (createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex') !== mac)
        throw new Error('not signed as agreed');
    }
    return this.#taken.map(({ body }) => JSON.parse(body) as Alarm).filter((alarm) => alarm.userId === userId);
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
