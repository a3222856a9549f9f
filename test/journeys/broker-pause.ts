import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { System } from '#testing';
import { eventually } from './staff.js';

const LOST = 'broker-disconnected';

/**
 * Stops the broker without ending it, so that nobody restarts it, while the work is done; then lets it go on. With `untilNoticed`
 * it stands until every service has given its connection up: from then on it is as if there were none.
 */
export async function whileBrokerStands<T>(
  system: System,
  work: () => Promise<T>,
  { untilNoticed = false }: { untilNoticed?: boolean } = {},
): Promise<T> {
  const broker = system.run().find((entry) => entry.service === 'nats');
  if (broker === undefined) throw new Error('no broker runs');
  const before = lossesBy(system);
  process.kill(broker.pid, 'SIGSTOP');
  try {
    const result = await work();
    if (untilNoticed)
      await eventually('the loss of the broker to be noticed', () => Promise.resolve(allLost(system, before)), 20_000);
    return result;
  } finally {
    process.kill(broker.pid, 'SIGCONT');
  }
}

/** How often each service's log tells of a lost connection. */
function lossesBy(system: System): ReadonlyMap<string, number> {
  const folder = join(system.dataDir, 'logs');
  const services = readdirSync(folder).filter((name) =>
    /^(crm-core|access-gateway|activity-monitor|lead-ingest)-\d+\.log$/.test(name),
  );
  return new Map(services.map((name) => [name, readFileSync(join(folder, name), 'utf8').split(LOST).length - 1]));
}

function allLost(system: System, before: ReadonlyMap<string, number>): true | undefined {
  const now = lossesBy(system);
  return now.size > 0 && [...now].every(([name, count]) => count > (before.get(name) ?? 0)) ? true : undefined;
}
