import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the range from which the system takes the local ports of outgoing connections (from 32768 on Linux): a server that is
 * restarted on a port of that range can find it taken by somebody's connection.
 */
const FIRST = 20_000;
const LAST = 32_000;

/** The first of `count` consecutive ports nobody listens on at 127.0.0.1. */
export async function freePort(count = 1): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const first = randomInt(FIRST, LAST - count);
    const ports = Array.from({ length: count }, (_, index) => first + index);
    const free = await Promise.all(ports.map((port) => isPortFree(port)));
    if (free.every(Boolean)) return first;
  }
  throw new Error(`no ${count} consecutive free ports between ${FIRST} and ${LAST}; stop what listens there and try again`);
}

/** True when a server could listen on this port now. */
export async function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
