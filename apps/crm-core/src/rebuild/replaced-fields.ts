import type { AnyAggregate } from '../log/aggregate.js';
import type { LoggedEvent } from './stream-reader.js';

type Data = Readonly<Record<string, unknown>>;
/** Its members are replaced one by one and not the field as a whole. */
const MERGED = 'customFields';

/**
 * The events of one stream without the values that a later change of the stream replaces: no row shows them any more, so nothing of
 * them is opened, masked or sealed. A field that is left out is one that the event does not name, as in any change. Pure.
 */
export function withoutReplaced(
  { changedBy }: Pick<AnyAggregate, 'changedBy'>,
  events: readonly LoggedEvent[],
): readonly LoggedEvent[] {
  if (changedBy === undefined || !events.some(({ type }) => type === changedBy)) return events;
  const replaced = new Set<string>();
  const kept = events.toReversed().map((event) => {
    if (event.version > 1 && event.type !== changedBy) return event;
    const data = event.data as Data;
    const names = Object.keys(data).filter((name) => replaced.has(name));
    if (event.type === changedBy) for (const name of Object.keys(data)) if (name !== MERGED) replaced.add(name);
    if (names.length === 0) return event;
    return { ...event, data: { ...data, ...Object.fromEntries(names.map((name) => [name, undefined])) } };
  });
  return kept.reverse();
}
