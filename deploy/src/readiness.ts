import { setTimeout as sleep } from 'node:timers/promises';
import { logTail } from './servers/child.js';
import { instanceName, type ServiceInstance } from './services.js';
import type { Supervisor } from './supervisor.js';

const READY_WITHIN_MS = 60_000;
/** A service that dies this often right after its start will not come up by waiting. */
const HOPELESS_DEATHS = 4;

/**
 * Resolves when each instance answers 200 on `/health/ready`. Throws, with the end of its log, when one keeps dying or has not
 * become ready within a minute.
 */
export async function waitUntilReady(instances: readonly ServiceInstance[], supervisor: Supervisor): Promise<void> {
  await Promise.all(instances.map((instance) => waitForOne(instance, supervisor)));
}

async function waitForOne(instance: ServiceInstance, supervisor: Supervisor): Promise<void> {
  const name = instanceName(instance.service, instance.instance);
  const failure = (what: string): Error =>
    new Error(`${name} ${what}; the end of ${instance.logFile}:\n${logTail(instance.logFile)}`);
  for (const end = Date.now() + READY_WITHIN_MS; Date.now() < end; await sleep(40)) {
    if (await answersReady(instance.readyUrl)) return;
    if (supervisor.quickDeaths(instance.service, instance.instance) >= HOPELESS_DEATHS)
      throw failure('keeps ending right after its start');
  }
  throw failure('is not ready after a minute');
}

/** True when an instance answers 200 on its `/health/ready` within two seconds. */
export async function answersReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false;
  }
}
