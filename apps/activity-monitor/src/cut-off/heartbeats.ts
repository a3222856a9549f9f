import type { NatsConnection } from '@nats-io/transport-node';
import { heartbeatSchema, SUBJECTS, type Heartbeat, type SealingStanding } from '#contracts';
import type { Broker } from '#messaging';

/** An instance that was silent for so long need not confirm a cut-off: it has no sessions any more, or it is dead. */
const SILENT_AFTER_MS = 3_000;

/** Who has to confirm a cut-off: the gateways that were heard lately; and what core says of the seals. Every monitor listens, so that a new leader knows at once. */
export class Heartbeats {
  readonly #lastHeard = new Map<string, number>();
  readonly #unlisten: () => void;
  #sealing: { readonly said: SealingStanding; readonly heard: number } | undefined;
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

  /** What the core that seals said of it within the last 3 s; undefined when none did. */
  sealing(): SealingStanding | undefined {
    return this.#sealing === undefined || this.#sealing.heard < performance.now() - SILENT_AFTER_MS
      ? undefined
      : this.#sealing.said;
  }

  #note({ service, instance, sealing }: Heartbeat): void {
    const heard = performance.now();
    if (service === 'access-gateway') this.#lastHeard.set(instance, heard);
    else if (sealing !== undefined) this.#sealing = { said: sealing, heard };
  }

  /** A reconnect keeps its subscriptions; a new connection needs one. */
  #subscribe(connection: NatsConnection): void {
    if (connection === this.#subscribedOn) return;
    this.#subscribedOn = connection;
    connection.subscribe(SUBJECTS.heartbeat('>'), {
      callback: (error, message) => {
        if (error !== null) return;
        const beat = heartbeatSchema.safeParse(parsed(() => message.json()));
        // The broker lets each service say so of itself alone.
        if (beat.success && message.subject === SUBJECTS.heartbeat(beat.data.service)) this.#note(beat.data);
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
