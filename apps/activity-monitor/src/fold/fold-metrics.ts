import { Counter } from 'prom-client';
import { metricsRegistry } from '#platform';

/** Events of the gate that this instance folded. */
export const eventsFolded = new Counter({
  name: 'palisade_monitor_events_folded_total',
  help: 'Events of the gate folded into windows, ledger and alarms.',
  registers: [metricsRegistry],
});

/** What the broker told of and the disclosure log does not have: somebody else publishes, or the database is older than the stream. */
export const eventsUnknown = new Counter({
  name: 'palisade_monitor_events_unknown_total',
  help: 'Events that messages told of and the disclosure log does not have.',
  registers: [metricsRegistry],
});

/** Facts that are not as the contract has them, by who reads them. */
export const factsUnread = new Counter({
  name: 'palisade_monitor_facts_unread_total',
  help: 'Facts of a stream that could not be read, by follower.',
  labelNames: ['follower'],
  registers: [metricsRegistry],
});
