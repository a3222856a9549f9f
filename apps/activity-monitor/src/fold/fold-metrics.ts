import { Counter } from 'prom-client';
import { metricsRegistry } from '#platform';

/** Events of the gate that this instance folded. */
export const eventsFolded = new Counter({
  name: 'palisade_monitor_events_folded_total',
  help: 'Events of the gate folded into windows, ledger and alarms.',
  registers: [metricsRegistry],
});
