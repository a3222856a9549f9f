import type { Leak, NumberScan } from './number-scan.js';

const WITHIN_MS = 10_000;

/** The metrics of every service. Throws when one cannot be read: what was not looked at is not clean. */
export async function scanMetrics(
  scan: NumberScan,
  urls: readonly string[],
): Promise<{ leaks: readonly Leak[]; services: number }> {
  const leaks: Leak[] = [];
  for (const url of urls) {
    const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(WITHIN_MS) });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${url}/metrics answered ${response.status}`);
    leaks.push(...scan.scan(`metrics of ${url}`, text));
  }
  return { leaks, services: urls.length };
}
