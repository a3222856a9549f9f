/** Injection tokens of the monitor's parts that are no classes of ours. */
export const MONITOR_DB = Symbol('monitor database');
export const MONITOR_LOGGER = Symbol('monitor logger');
