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
  const kept = events.slice();
  // Few names: looking through them costs less than a set of them.
  const replaced: string[] = [];
  for (let at = events.length - 1; at >= 0; at -= 1) {
    const event = events[at] as LoggedEvent;
    const isChange = event.type === changedBy;
    if (event.version > 1 && !isChange) continue;
    const names = Object.keys(event.data as Data);
    if (names.some((name) => replaced.includes(name))) kept[at] = { ...event, data: without(event.data as Data, replaced) };
    if (isChange) for (const name of names) if (name !== MERGED && !replaced.includes(name)) replaced.push(name);
  }
  return kept;
}

function without(data: Data, replaced: readonly string[]): Data {
  const kept: Record<string, unknown> = {};
  for (const name of Object.keys(data)) if (!replaced.includes(name)) kept[name] = data[name];
  return kept;
}
