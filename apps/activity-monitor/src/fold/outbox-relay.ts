import { sql, type Kysely } from 'kysely';
import { SUBJECTS } from '#contracts';
import { publishFacts, type Broker } from '#messaging';

const BATCH = 500;

interface OutboxRow {
  readonly seq: number;
  readonly subject: string;
  readonly msg_id: string;
  readonly payload: unknown;
}

/**
 * Publishes what stands in the outbox, oldest first, and deletes what the broker confirmed; a published cut-off starts to wait for
 * its confirmations. A crash in between publishes again under the same id. Returns how many went out.
 */
export async function relayOutbox(db: Kysely<unknown>, broker: Broker): Promise<number> {
  const { rows } =
    await sql<OutboxRow>`SELECT seq, subject, msg_id, payload FROM monitor.outbox ORDER BY seq LIMIT ${BATCH}`.execute(db);
  if (rows.length === 0) return 0;
  const facts = rows.map(({ subject, msg_id: msgId, payload }) => ({ subject, msgId, payload }));
  const confirmed = rows.slice(0, await publishFacts(broker, facts));
  if (confirmed.length === 0) return 0;
  await db.transaction().execute(async (trx) => {
    await sql`DELETE FROM monitor.outbox WHERE seq = ANY (${confirmed.map(({ seq }) => seq)}::bigint[])`.execute(trx);
    const cutOffs = confirmed.filter(({ subject }) => subject === SUBJECTS.userDeactivated).map((row) => row.msg_id);
    if (cutOffs.length > 0) {
      await sql`UPDATE monitor.cutoffs SET emitted_at = clock_timestamp()
        WHERE id = ANY (${cutOffs}::uuid[]) AND emitted_at IS NULL`.execute(trx);
    }
  });
  return confirmed.length;
}
