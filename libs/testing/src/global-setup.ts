import { registerHooks } from 'node:module';

type TestRun = typeof import('./test-run.js');

/**
 * Once per run of jest: one private PostgreSQL and one NATS for all tests. Jest compiles this file and what it loads, but leaves
 * the resolving to Node, which takes `./x.js` literally; the hook finds `./x.ts`.
 */
export default async function globalSetup(): Promise<void> {
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      try {
        return next(specifier, context);
      } catch (error) {
        if (!/^\.{1,2}\/.*\.js$/.test(specifier)) throw error;
        return next(specifier.replace(/\.js$/, '.ts'), context);
      }
    },
  });
  try {
    const { startTestRun } = (await import('./test-run.js')) as TestRun;
    globalThis.palisadeTestRun = await startTestRun();
  } finally {
    hooks.deregister();
  }
}

declare global {
  /** Ends the servers of this run; set by the set-up, called by the tear-down in the same process. */
  var palisadeTestRun: (() => Promise<void>) | undefined;
}
