import { base, servers } from './jest.config.mjs';

/** Measurements of time: minutes long, and only as good as the machine is quiet. Not part of `npm test`. */
export default { ...base, ...servers, displayName: 'timing', testMatch: ['<rootDir>/**/*.timing.spec.ts'] };
