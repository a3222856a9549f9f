import { Gauge } from 'prom-client';
import type { Broker } from '#messaging';
import { metricsRegistry } from '#platform';
import type { Spool } from './spool/spool.js';

/** What an operator watches: how much waits for core, and whether there is a way to it. */
export function registerMetrics(spool: Spool, broker: Broker): void {
  gauge('palisade_ingest_leads_waiting', 'Leads on disk that core has not confirmed', () => spool.waitingCount);
  gauge('palisade_ingest_broker_connected', '1 while the broker answers', () => (broker.isConnected ? 1 : 0));
}

function gauge(name: string, help: string, read: () => number): void {
  metricsRegistry.removeSingleMetric(name);
  new Gauge({
    name,
    help,
    registers: [metricsRegistry],
    collect() {
      this.set(read());
    },
  });
}
