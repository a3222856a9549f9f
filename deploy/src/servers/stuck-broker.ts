import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { inboxPrefix } from '../nats-permissions.js';
import type { NatsServer } from './nats-server.js';

const LOOK_EVERY_MS = 2_000;
const CONNECT_MS = 2_000;
const ANSWER_MS = 4_000;
/** Looks in a row that found it stuck; a machine that is merely slow answers one of them. */
const LOOKS = 3;
/** Bytes of free disk without which a start would fail at once. */
const ROOM = 16 * 1024 * 1024;

/**
 * Ends a broker whose JetStream is stuck, so that whoever keeps it running starts it anew: nats-server 2.9 locks a stream for good when
 * a message is stored or erased on a full disk (a block waits for its own lock), and goes on answering as if nothing were. Only where
 * there is room again; what was acknowledged is with the operating system. Gives back what ends the watch.
 */
export function endStuckBroker(server: NatsServer, report: (line: string) => void): () => void {
  const stopping = new AbortController();
  void watch(server, report, stopping.signal);
  return () => stopping.abort();
}

async function watch(server: NatsServer, report: (line: string) => void, signal: AbortSignal): Promise<void> {
  let stuck = 0;
  while (!signal.aborted) {
    await sleep(LOOK_EVERY_MS, undefined, { signal, ref: false }).catch(() => undefined);
    const { child } = server;
    stuck = (await isStuck(server)) ? stuck + 1 : 0;
    if (signal.aborted || stuck < LOOKS || child !== server.child || !hasRoom(dirname(server.marker))) continue;
    stuck = 0;
    report('nats-0 answers, and its streams do not; ending it');
    child?.kill('SIGKILL');
  }
}

/** True when it takes connections and does not answer about its streams. One that does not answer at all is not judged. */
async function isStuck(server: NatsServer): Promise<boolean> {
  const connection = await connectionTo(server);
  if (connection === undefined) return false;
  const answers = await connection.request('$JS.API.STREAM.LIST', '', { timeout: ANSWER_MS }).then(
    () => true,
    () => false,
  );
  await endOf(connection);
  if (answers) return false;
  const second = await connectionTo(server);
  if (second !== undefined) await endOf(second);
  return second !== undefined;
}

async function connectionTo({ url, users }: NatsServer): Promise<NatsConnection | undefined> {
  const { user, password } = users.core;
  const options = { servers: url, user, pass: password, name: 'start', inboxPrefix: inboxPrefix('core') };
  return connect({ ...options, timeout: CONNECT_MS, reconnect: false, noAsyncTraces: true }).catch(() => undefined);
}

async function endOf(connection: NatsConnection): Promise<void> {
  await connection.close().catch(() => undefined);
}

function hasRoom(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= ROOM;
  } catch {
    return false;
  }
}
