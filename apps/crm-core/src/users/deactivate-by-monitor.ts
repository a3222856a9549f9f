import type { Pool } from 'pg';
import { CommandRepeated, VersionConflict, type EventMetadata } from '#event-store';
import type { UserDeactivatedFact } from '#contracts';
import type { CommandShell } from '../commands/command-shell.js';
import { streamChange } from '../log/crm-log.js';
import { userAggregate } from './user.aggregate.js';

const ATTEMPTS = 8;
/** The fact's id names the act; there is no body to compare. */
const FACT_MAC = '00';

/**
 * Records that the monitor cut a person off. Once per fact; a fact of an older epoch bans nobody, and a person who is deactivated
 * already stays as he is. A message alone deactivates nobody: without the gate's hold, false and nothing changed.
 */
export async function deactivateByMonitor(
  { log }: CommandShell,
  pool: Pool,
  fact: UserDeactivatedFact,
  at: string,
): Promise<boolean> {
  const metadata: EventMetadata = {
    actorId: null,
    sessionId: null,
    tokenId: null,
    ip: null,
    commandId: fact.id,
    correlationId: fact.id,
    causationId: fact.id,
    at,
  };
  for (let attempt = 1; ; attempt += 1) {
    const { state, version } = await log.load(userAggregate, fact.userId);
    if (state.phase !== 'active' || state.epoch !== fact.epoch) return true;
    if (!(await isHeld(pool, fact.userId))) return false;
    const { measure, window, max, count } = fact.cause;
    const cause = { kind: 'limit', deactivationId: fact.id, measure, window, max, count } as const;
    const events = userAggregate.decide({ type: 'deactivate', cause }, state);
    try {
      const command = { id: fact.id, mac: FACT_MAC, outcome: { ok: true, id: fact.userId, version: version + 1 } };
      await log.append([streamChange({ aggregate: userAggregate, id: fact.userId, version, events })], {
        metadata,
        command,
      });
      return true;
    } catch (error) {
      if (error instanceof CommandRepeated) return true;
      if (!(error instanceof VersionConflict) || attempt === ATTEMPTS) throw error;
    }
  }
}

async function isHeld(pool: Pool, userId: string): Promise<boolean> {
  const { rows } = await pool.query<{ held: boolean }>('SELECT watch.is_held($1) AS held', [userId]);
  return rows[0]?.held ?? false;
}
