import { createSocket } from 'node:dgram';
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the range from which the system takes the local ports of outgoing connections (from 32768 on Linux): a server that is
 * restarted on a port of that range can find it taken by somebody's connection.
 */
const FIRST = 20_000;
const LAST = 32_000;

/**
 * The first of `count` consecutive ports nobody listens on at 127.0.0.1. They stay this process's own until it ends: no other call,
 * here or in another process, gets them, also while no server listens yet or none is there between two starts.
 */
export async function freePort(count = 1): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const first = randomInt(FIRST, LAST - count);
    const ports = Array.from({ length: count }, (_, index) => first + index);
    if (await claimAll(ports)) return first;
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

async function claimAll(ports: readonly number[]): Promise<boolean> {
  const claims = await Promise.all(ports.map((port) => claim(port)));
  const free = await Promise.all(ports.map((port) => isPortFree(port)));
  if (claims.every((release) => release !== undefined) && free.every(Boolean)) return true;
  for (const release of claims) release?.();
  return false;
}

/**
 * Claims a port by binding its number for UDP, which no server here uses: the kernel lets one process have it, and takes it back when
 * that process ends, however it ends. Gives back what ends the claim; nothing when another has it.
 */
async function claim(port: number): Promise<(() => void) | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.unref();
    socket.once('error', () => {
      socket.close();
      resolve(undefined);
    });
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => resolve(() => void socket.close()));
  });
}
