import type { ConnectionOptions } from '@nats-io/transport-node';

const WAIT_MS = 200;

/** The wait before the next attempt, spread so that services do not return all at once. */
export function jittered(): number {
  return WAIT_MS + Math.floor(Math.random() * WAIT_MS);
}

/**
 * How a lost connection is looked for again, for every connection to the broker. nats.js compares by the machine's clock when it tried
 * last, and would wait for a day once that clock was moved back a day: its own wait is always over, and ours, which is a timer, comes
 * before each attempt but the first.
 */
export const RECONNECTING = {
  maxReconnectAttempts: -1,
  reconnectDelayHandler: () => Number.NEGATIVE_INFINITY,
  reconnectToServer: ([server]) => (server === undefined ? null : { server, delay: server.lastConnect === 0 ? 0 : jittered() }),
} as const satisfies ConnectionOptions;
