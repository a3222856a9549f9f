import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A reverse proxy as they stand before services: it takes requests from anywhere on this machine, passes on every header that it was
 * sent, adds the address it got them from to `X-Forwarded-For`, and connects from an address of its own.
 */
export class ForwardingProxy {
  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async open(address: string, target: string): Promise<ForwardingProxy> {
    const server = createServer((incoming, outgoing) => forward(address, target, incoming, outgoing));
    await new Promise<void>((listening) => server.listen(0, '0.0.0.0', listening));
    const { port } = server.address() as AddressInfo;
    return new ForwardingProxy(server, `http://127.0.0.1:${port}`);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }
}

function forward(address: string, target: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  // Pairs as they came, for a header that came twice is passed on twice.
  const headers = incoming.rawHeaders.flatMap((name, index): [string, string][] =>
    index % 2 === 0 && !/^(host|connection)$/i.test(name) ? [[name, incoming.rawHeaders[index + 1] ?? '']] : [],
  );
  headers.push(['X-Forwarded-For', incoming.socket.remoteAddress ?? '']);
  const { hostname, port } = new URL(target);
  const passed = request(
    { host: hostname, port, localAddress: address, agent: false, method: incoming.method, path: incoming.url },
    (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      outgoing.flushHeaders();
      answer.on('error', () => outgoing.destroy());
      answer.pipe(outgoing);
    },
  );
  const byName = new Map<string, string[]>();
  for (const [name, value] of headers) byName.set(name.toLowerCase(), [...(byName.get(name.toLowerCase()) ?? []), value]);
  for (const [name, values] of byName) passed.setHeader(name, values.length === 1 ? (values[0] ?? '') : values);
  passed.on('error', () => outgoing.destroy());
  outgoing.on('close', () => passed.destroy());
  incoming.pipe(passed);
}
