import type { ConnectionOptions } from '@nats-io/transport-node';

const WAIT_MS = 200;

/** The wait between two attempts, spread so that services do not return all at once. */
export function jittered(): number {
  return WAIT_MS + Math.floor(Math.random() * WAIT_MS);
}

/**
 * How one connection looks for the broker again when it is lost: at once, then every 200 to 400 ms, for ever. nats.js compares by the
 * machine's clock when it tried last, and would wait for a day once that clock was moved back a day: so its own wait is always over, and
 * ours, by the monotonic clock, comes before each attempt.
 */
export function reconnecting(): Pick<ConnectionOptions, 'maxReconnectAttempts' | 'reconnectDelayHandler' | 'reconnectToServer'> {
  let triedAt = Number.NEGATIVE_INFINITY;
  return {
    maxReconnectAttempts: -1,
    reconnectDelayHandler: () => Number.NEGATIVE_INFINITY,
    reconnectToServer: ([server]) => {
      if (server === undefined) return null;
      const delay = Math.max(0, triedAt + jittered() - performance.now());
      triedAt = performance.now() + delay;
      return { server, delay };
    },
  };
}
