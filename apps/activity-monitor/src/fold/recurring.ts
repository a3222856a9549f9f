/** A task that runs again and again, one run at a time. */
export interface Recurring {
  /** Runs it now, or right after the run in hand. */
  wake(): void;
  /** After the last run, once the signal has aborted. */
  readonly ended: Promise<void>;
}

/** Runs a task at once, then every `everyMs` and whenever woken, until the signal aborts. A failed run is reported, and tried again at the next time. */
export function recurring(
  task: () => Promise<unknown>,
  everyMs: number,
  signal: AbortSignal,
  onError: (error: unknown) => void,
): Recurring {
  let woken = false;
  let endPause: () => void = () => undefined;
  const wake = (): void => {
    woken = true;
    endPause();
  };
  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, everyMs);
      endPause = () => {
        clearTimeout(timer);
        resolve();
      };
      if (woken || signal.aborted) endPause();
    });
  const run = async (): Promise<void> => {
    signal.addEventListener('abort', wake);
    while (!signal.aborted) {
      woken = false;
      await task().catch(onError);
      await pause();
    }
    signal.removeEventListener('abort', wake);
  };
  return { wake, ended: run() };
}
