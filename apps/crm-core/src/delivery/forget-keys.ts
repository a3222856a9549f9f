import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { SUBJECTS } from '#contracts';
import type { Broker, Consumption } from '#messaging';
import type { Logger } from '#platform';
import { z } from 'zod';
import { AGGREGATES } from '../aggregates.js';
import { streamOf } from '../log/aggregate.js';

const factSchema = z.object({ category: z.string().max(64), recordId: z.uuid() });

/**
 * Drops destroyed keys from this core's memory when another core erased somebody. Nothing depends on it: whoever reads an erased
 * stream opens none of it, whatever key is remembered.
 */
export function forgetErasedKeys(broker: Broker, logger: Logger, forget: (stream: string) => void): Consumption {
  const subjects = [...AGGREGATES.values()].flatMap(({ erasedBy }) =>
    erasedBy === undefined ? [] : [SUBJECTS.crmEvent(erasedBy)],
  );
  let listeningOn: NatsConnection | undefined;
  const listen = (): void => {
    const connection = broker.connected;
    // A connection that comes back brings its subscriptions along; a new one does not.
    if (connection === listeningOn) return;
    listeningOn = connection;
    for (const subject of subjects) {
      connection.subscribe(subject, {
        callback: (error, message) => {
          const stream = error === null ? streamNamed(message) : undefined;
          if (stream === undefined) logger.warn('a fact of an erasure was not understood', { subject });
          else forget(stream);
        },
      });
    }
  };
  const unlisten = broker.onConnected(listen);
  if (broker.isConnected) listen();
  return { stop: () => Promise.resolve(unlisten()) };
}

function streamNamed(message: Msg): string | undefined {
  try {
    const { category, recordId } = factSchema.parse(message.json());
    return streamOf({ category }, recordId);
  } catch {
    return undefined;
  }
}
