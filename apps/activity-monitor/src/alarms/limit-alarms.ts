import { sql, type Transaction } from 'kysely';
import type { GateEvent } from '../fold/gate-event.js';
import type { AlarmDraft } from './alarm-draft.js';
import { raiseAlarms } from './alarm-store.js';
import { limitAlarms, type RaisedLimit } from './limit-alarm.rules.js';
import { presentWindowing } from './present-windowing.js';

/** Raises what disclosures mean for the limits they came near or past, and keeps what is raised. */
export async function raiseLimitAlarms(trx: Transaction<unknown>, disclosed: readonly GateEvent[]): Promise<void> {
  const userIds = [...new Set(disclosed.map(({ userId }) => userId))];
  const before = await raisedLimits(trx, userIds);
  const windowing = await presentWindowing(trx);
  const after = new Map(before);
  const drafts: AlarmDraft[] = [];
  for (const event of disclosed) {
    const known = after.get(event.userId) ?? [];
    if (known.length === 0 && event.limits.length === 0) continue;
    const outcome = limitAlarms(event, known, windowing);
    after.set(event.userId, outcome.raised);
    drafts.push(...outcome.drafts);
  }
  const changed = [...after].filter(([userId, raised]) => raised !== before.get(userId));
  if (changed.length > 0) await storeRaisedLimits(trx, changed);
  await raiseAlarms(trx, drafts);
}

async function raisedLimits(trx: Transaction<unknown>, userIds: readonly string[]): Promise<Map<string, readonly RaisedLimit[]>> {
  const { rows } = await sql<RaisedLimit & { user_id: string }>`
    SELECT user_id, measure, "window", action, type, max FROM monitor.raised_limits WHERE user_id = ANY (${userIds}::uuid[])`.execute(
    trx,
  );
  const byUser = Map.groupBy(rows, (row) => row.user_id);
  return new Map(
    [...byUser].map(([userId, raised]) => [
      userId,
      raised.map(({ measure, window, action, type, max }) => ({ measure, window, action, type, max })),
    ]),
  );
}

async function storeRaisedLimits(
  trx: Transaction<unknown>,
  changed: readonly (readonly [string, readonly RaisedLimit[]])[],
): Promise<void> {
  const rows = changed.flatMap(([userId, raised]) => raised.map((one) => ({ user_id: userId, ...one })));
  await sql`DELETE FROM monitor.raised_limits WHERE user_id = ANY (${changed.map(([userId]) => userId)}::uuid[])`.execute(trx);
  await sql`
    INSERT INTO monitor.raised_limits (user_id, measure, "window", action, type, max)
    SELECT user_id, measure, "window", action, type, max FROM jsonb_populate_recordset(NULL::monitor.raised_limits, ${JSON.stringify(rows)}::jsonb)
    ON CONFLICT DO NOTHING`.execute(trx);
}
