export * from './subjects.js';
export * from './commands.js';
export * from './watch.js';
export * from './search-words.js';
export * from './security-settings.js';
export * from './read-schema.js';
export * from './problems.js';
export * from './rewinds.js';
