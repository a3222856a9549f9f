import { dirname } from 'node:path';
import { ConfigError, readStartConfig, type StartConfig } from './config.js';
import { makeFolders } from './data-directory.js';
import { Installation } from './installation.js';
import { Progress } from './progress.js';

/** `dist`, two folders above this compiled file. */
const BUILT_FOLDER = dirname(dirname(import.meta.dirname));

/** npm, the shell and the terminal may each send the signal of one Ctrl-C; what comes this soon is the same one. */
const SAME_SIGNAL_MS = 1_500;

async function main(): Promise<void> {
  const progress = new Progress();
  const config = configOrExit();
  for (const name of config.unknown) progress.say(`! ${name} is set, and nothing reads it; is it misspelt?`);
  makeFolders(config.dataDir);
  const installation = new Installation(config, BUILT_FOLDER, progress);
  stopOnSignals(installation, progress);
  try {
    await installation.start();
  } catch (error) {
    if (installation.isStopping) return;
    process.stderr.write(`\npalisade did not start: ${error instanceof Error ? error.message : String(error)}\n`);
    await installation.stop();
    process.exit(1);
  }
}

function configOrExit(): StartConfig {
  try {
    return readStartConfig(process.env, process.cwd());
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(
      `palisade did not start: the environment is wrong\n${error.problems.map((line) => `  ${line}\n`).join('')}`,
    );
    process.exit(1);
  }
}

function stopOnSignals(installation: Installation, progress: Progress): void {
  let firstAt: number | undefined;
  const stop = (why: string): void => {
    if (firstAt !== undefined) {
      if (Date.now() - firstAt < SAME_SIGNAL_MS) return;
      progress.say(`${why} again: ending everything at once`);
      installation.kill();
      process.exit(1);
    }
    firstAt = Date.now();
    progress.say(`${why}: stopping`);
    installation.stop().then(
      () => {
        progress.say('stopped');
        process.exit(0);
      },
      (error: unknown) => {
        process.stderr.write(`stopping failed: ${error instanceof Error ? error.message : String(error)}\n`);
        installation.kill();
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(signal));
  // The channel to deploy/start.mjs closes when that process is killed: nobody is left who could stop this one.
  process.once('disconnect', () => stop('the start script is gone'));
  process.channel?.unref();
  // A reader of our output that went away (`npm start | head`) is no reason to leave servers behind.
  process.stdout.on('error', () => undefined);
}

await main();
