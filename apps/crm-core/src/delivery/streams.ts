import { STREAMS } from '#contracts';
import type { StreamDefinition } from '#messaging';

const DAY_MS = 86_400_000;
/** Relays may repeat what they published when a confirmation got lost; the broker drops repeats for so long. */
const DUPLICATE_WINDOW_MS = 10 * 60_000;

/** The streams of the system, provisioned by core alone. All can be filled again from PostgreSQL or the spools. */
export const STREAM_DEFINITIONS: readonly StreamDefinition[] = Object.values(STREAMS).map(({ name, subjects }) => ({
  name,
  subjects,
  maxAgeMs: 7 * DAY_MS,
  maxBytes: 2 * 1024 ** 3,
  duplicateWindowMs: DUPLICATE_WINDOW_MS,
}));
