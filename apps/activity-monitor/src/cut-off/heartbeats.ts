import type { NatsConnection } from '@nats-io/transport-node';
import { heartbeatSchema, SUBJECTS } from '#contracts';
import type { Broker } from '#messaging';

/** An instance that was silent for so long need not confirm a cut-off: it has no sessions any more, or it is dead. */
const SILENT_AFTER_MS = 3_000;

/** Who has to confirm a cut-off: the gateways that were heard lately. Every monitor listens, so that a new leader knows at once. */
export class Heartbeats {
  readonly #lastHeard = new Map<string, number>();
  readonly #unlisten: () => void;
  #subscribedOn: NatsConnection | undefined;

  constructor(broker: Broker) {
    this.#unlisten = broker.onConnected(() => this.#subscribe(broker.connected));
    if (broker.isConnected) this.#subscribe(broker.connected);
  }

  stop(): void {
    this.#unlisten();
  }

  /** Instances of the gateway heard within the last 3 s. */
  gateways(): readonly string[] {
    const since = performance.now() - SILENT_AFTER_MS;
    for (const [instance, heard] of this.#lastHeard) if (heard < since) this.#lastHeard.delete(instance);
    return [...this.#lastHeard.keys()];
  }

  /** A reconnect keeps its subscriptions; a new connection needs one. */
  #subscribe(connection: NatsConnection): void {
    if (connection === this.#subscribedOn) return;
    this.#subscribedOn = connection;
    connection.subscribe(SUBJECTS.heartbeat('>'), {
      callback: (error, message) => {
        if (error !== null) return;
        const beat = heartbeatSchema.safeParse(parsed(() => message.json()));
        if (beat.success && beat.data.service === 'access-gateway') this.#lastHeard.set(beat.data.instance, performance.now());
      },
    });
  }
}

function parsed(parse: () => unknown): unknown {
  try {
    return parse();
  } catch {
    return undefined; // The parser's own error quotes its input.
  }
}
