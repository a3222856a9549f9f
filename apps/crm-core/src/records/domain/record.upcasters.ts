import type { Upcaster } from '../../log/aggregate.js';

/** Records made before there were custom fields have none. */
export const withoutCustomFields: Upcaster = (data) => ({ ...data, customFields: {} });

/** The new shape may hold what the old one could not; whatever was written in the old one holds in the new one. */
export const unchanged: Upcaster = (data) => data;
