import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { freePort, isPortFree } from './free-port.js';

/** True when this process could claim the port. */
async function isUnclaimed(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.once('error', () => socket.close(() => resolve(false)));
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => socket.close(() => resolve(true)));
  });
}

describe('a free port', () => {
  it('is claimed from when it is given, for all of a row, though nobody listens yet', async () => {
    const first = await freePort(3);
    for (const port of [first, first + 1, first + 2]) {
      expect(await isPortFree(port)).toBe(true);
      expect(await isUnclaimed(port)).toBe(false);
    }
  });

  it('is never given twice', async () => {
    const given = await Promise.all(Array.from({ length: 300 }, () => freePort()));
    expect(new Set(given).size).toBe(given.length);
  });

  it('is not one that somebody listens on', async () => {
    const server = createServer().listen(await freePort(), '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    expect(await isPortFree(typeof address === 'object' ? Number(address?.port) : 0)).toBe(false);
    server.close();
  });

  it('of another process is free again when that process is killed', async () => {
    const compiled = pathToFileURL(join(import.meta.dirname, '../../../dist', 'deploy/src/servers/free-port.js')).href;
    const program = `import { freePort } from '${compiled}'; console.log(await freePort()); setInterval(() => undefined, 1_000);`;
    const other = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(other.stdout, 'data')) as [Buffer];
    const port = Number(line.toString());
    const before = await isUnclaimed(port);
    const ended = once(other, 'exit');
    other.kill('SIGKILL');
    await ended;
    expect([before, await isUnclaimed(port)]).toEqual([false, true]);
  });
});
