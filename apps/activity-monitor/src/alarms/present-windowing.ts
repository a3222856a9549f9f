import { sql, type Kysely } from 'kysely';
import { FIRST_SECURITY_SETTINGS, type SecuritySettings } from '#contracts';
import type { Windowing } from '../gate/gate.rules.js';

/** By what the gate's windows begin now; as on a first start where nothing is set. */
export async function presentWindowing(db: Kysely<unknown>): Promise<Windowing> {
  const { rows } = await sql<{ settings: SecuritySettings }>`SELECT settings FROM read.security`.execute(db);
  const { timeZone, activityMonitoring: monitoring } = rows[0]?.settings ?? FIRST_SECURITY_SETTINGS;
  return { timeZone, monitoring };
}
