export * from './subjects.js';
export * from './commands.js';
export * from './explain.js';
export * from './record-queries.js';
export * from './watch.js';
export * from './security-settings.js';
export * from './read-schema.js';
export * from './problems.js';
