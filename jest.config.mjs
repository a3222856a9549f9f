import { availableParallelism } from 'node:os';

/** One project per cost of test; the file's name tells which it is. */
export const base = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': '@swc/jest' },
  moduleNameMapper: {
    '^(\\.{1,2}/(?!.*\\.json).*)\\.js$': '$1',
    '^#(kernel|contracts|event-store|messaging|policy|privacy|platform|testing)$': '<rootDir>/libs/$1/src/index.ts',
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.data/'],
};
export const servers = {
  globalSetup: '<rootDir>/libs/testing/src/global-setup.ts',
  globalTeardown: '<rootDir>/libs/testing/src/global-teardown.ts',
};
export default {
  projects: [
    { ...base, displayName: 'unit', testMatch: ['<rootDir>/**/*.unit.spec.ts'] },
    { ...base, ...servers, displayName: 'int', testMatch: ['<rootDir>/**/*.int.spec.ts'] },
    { ...base, ...servers, displayName: 'journeys', testMatch: ['<rootDir>/test/journeys/**/*.e2e.spec.ts'] },
    { ...base, ...servers, displayName: 'faults', testMatch: ['<rootDir>/test/faults/**/*.faults.spec.ts'] },
  ],
  // Two at a time even on two processors: a test of the whole system waits more than it works.
  maxWorkers: Math.max(2, availableParallelism() - 1),
  testTimeout: 60_000,
};
