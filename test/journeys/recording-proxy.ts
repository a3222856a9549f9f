import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Stands between a client and a server and keeps every byte that the server sends, as it goes over the wire. */
export class RecordingProxy {
  readonly #received: Buffer[] = [];
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async open(target: string): Promise<RecordingProxy> {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const proxy = new RecordingProxy(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const { hostname, port } = new URL(target);
    server.on('connection', (client) => {
      const passed = connect(Number(port), hostname);
      passed.on('data', (chunk: Buffer) => proxy.#received.push(chunk));
      for (const [socket, other] of [
        [client, passed],
        [passed, client],
      ] as const) {
        proxy.#sockets.add(socket);
        socket.on('error', () => other.destroy());
        socket.on('close', () => {
          proxy.#sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
    return proxy;
  }

  /** All that was sent so far, headers and bodies, in the order of arrival. */
  get received(): Buffer {
    return Buffer.concat(this.#received);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((closed) => this.server.close(closed));
  }
}
