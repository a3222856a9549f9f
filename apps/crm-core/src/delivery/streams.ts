import { STREAMS } from '#contracts';
import { provisionStreams, type Broker, type StreamDefinition } from '#messaging';
import { restFor, type Logger } from '#platform';

const RETRY_MS = 1_000;

const DAY_MS = 86_400_000;
/** Relays may repeat what they published when a confirmation got lost; the broker drops repeats for so long. */
const DUPLICATE_WINDOW_MS = 10 * 60_000;

/** The streams of the system, provisioned by core alone. All can be filled again from PostgreSQL or the spools. */
export const STREAM_DEFINITIONS: readonly StreamDefinition[] = Object.values(STREAMS).map(({ name, subjects }) => ({
  name,
  subjects,
  maxAgeMs: 7 * DAY_MS,
  // Five streams within the 8 GiB that the embedded broker may store; each week of ids is far below.
  maxBytes: 1024 ** 3,
  duplicateWindowMs: DUPLICATE_WINDOW_MS,
}));

/** Sees to it that the streams exist, now and whenever the broker comes back (it may come back wiped). Returns how to stop. */
export function keepStreams(broker: Broker, logger: Logger): () => void {
  const stopping = new AbortController();
  const provision = async (): Promise<void> => {
    while (!stopping.signal.aborted && broker.isConnected) {
      try {
        for (const { name, differs } of await provisionStreams(broker, STREAM_DEFINITIONS)) {
          if (differs.length > 0) logger.warn('stream differs', { name, differs });
        }
        return;
      } catch (error) {
        logger.warn('streams not provisioned', { error });
        await restFor(RETRY_MS, stopping.signal);
      }
    }
  };
  const unlisten = broker.onConnected(() => void provision());
  if (broker.isConnected) void provision();
  return () => {
    unlisten();
    stopping.abort();
  };
}
