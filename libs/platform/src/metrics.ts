import { collectDefaultMetrics, Registry } from 'prom-client';

/** The process's metrics. Register own ones here: `new Counter({ ..., registers: [metricsRegistry] })`; no personal data in labels. */
export const metricsRegistry = new Registry();

collectDefaultMetrics({ register: metricsRegistry });
