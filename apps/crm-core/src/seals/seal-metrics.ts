import { Gauge } from 'prom-client';
import { metricsRegistry } from '#platform';

const registers = [metricsRegistry];

/** All are those of the core that seals; the others show 0. */
export const sealNumber = new Gauge({ name: 'palisade_seal_number', help: 'Number of the last seal made.', registers });
export const sealLag = new Gauge({
  name: 'palisade_seal_lag_seconds',
  help: 'Age of the oldest event of the log that is not sealed, in seconds; 0 when all are.',
  registers,
});
export const gateAge = new Gauge({
  name: 'palisade_log_gate_age_seconds',
  help: 'Seconds for which one open writing transaction has held back readers of the log.',
  registers,
});
export const sealingStopped = new Gauge({
  name: 'palisade_sealing_stopped',
  help: '1 when the chain cannot go on; npm run verify says why.',
  registers,
});
