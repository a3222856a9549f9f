import { createHash } from 'node:crypto';
import { sql, type Transaction } from 'kysely';
import { SUBJECTS, type LimitStanding, type UserDeactivatedFact } from '#contracts';
import { uuidFromDigest } from '#kernel';
import type { GateEvent } from '../fold/gate-event.js';

/** The id of a cut-off: made of person, epoch and cause, so it exists once however often its refusal is delivered. */
function cutOffId(userId: string, epoch: number, cause: LimitStanding): string {
  const named = [cause.measure, cause.window, cause.action, cause.max].join(',');
  return uuidFromDigest(createHash('sha256').update(`${userId}|${epoch}|${named}`).digest());
}

/** Begins the cut-off of everybody whom a refusal held: the fact goes out, the confirmations are awaited. */
export async function beginCutOffs(trx: Transaction<unknown>, refused: readonly GateEvent[]): Promise<void> {
  for (const event of refused) {
    if (!event.held || event.refusedBy === null) continue;
    // A message alone cuts nobody off: the hold itself is asked for, and what it says is believed.
    const { rows } = await sql<{ cause: LimitStanding; at: string }>`
      SELECT cause, watch.iso(at) AS at FROM watch.holds WHERE user_id = ${event.userId} AND epoch = ${event.epoch}`.execute(trx);
    const [hold] = rows;
    if (hold === undefined) continue;
    const id = cutOffId(event.userId, event.epoch, hold.cause);
    const fact: UserDeactivatedFact = { id, userId: event.userId, epoch: event.epoch, refusedAt: hold.at, cause: hold.cause };
    const begun = await sql`
      INSERT INTO monitor.cutoffs (id, user_id, epoch, refused_at, cause)
      VALUES (${id}, ${event.userId}, ${event.epoch}, ${hold.at}, ${JSON.stringify(hold.cause)}::jsonb) ON CONFLICT DO NOTHING`.execute(
      trx,
    );
    if (begun.numAffectedRows !== 1n) continue;
    await sql`INSERT INTO monitor.outbox (subject, msg_id, payload)
      VALUES (${SUBJECTS.userDeactivated}, ${id}, ${JSON.stringify(fact)}::jsonb)`.execute(trx);
  }
}
