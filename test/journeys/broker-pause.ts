import type { System } from '#testing';

/** Stops the broker without ending it, so that nobody restarts it, while the work is done; then lets it go on. */
export async function whileBrokerStands<T>(system: System, work: () => Promise<T>): Promise<T> {
  const broker = system.run().find((entry) => entry.service === 'nats');
  if (broker === undefined) throw new Error('no broker runs');
  process.kill(broker.pid, 'SIGSTOP');
  try {
    return await work();
  } finally {
    process.kill(broker.pid, 'SIGCONT');
  }
}
