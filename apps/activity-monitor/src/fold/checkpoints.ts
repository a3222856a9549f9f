import { sql, type Kysely, type Transaction } from 'kysely';
import type { StreamPosition } from '#messaging';

/** Until the stream is cut into partitions of people, one reader has them all. */
const ALL_PARTITIONS = -1;

/** Somebody else has moved the checkpoint: this instance leads no more. */
export class FenceLost extends Error {
  override readonly name = 'FenceLost';
}

/** How far a stream was folded; undefined when it never was. */
export async function loadCheckpoint(db: Kysely<unknown>, name: string): Promise<StreamPosition | undefined> {
  const { rows } = await sql<StreamPosition>`
    SELECT incarnation, stream_seq AS sequence FROM monitor.checkpoints
    WHERE name = ${name} AND partition = ${ALL_PARTITIONS}`.execute(db);
  return rows[0];
}

/**
 * Moves a checkpoint in the transaction of the effect, from where this instance believes it to stand. Throws FenceLost when it
 * stands elsewhere; the transaction then ends without effect.
 */
export async function moveCheckpoint(
  trx: Transaction<unknown>,
  name: string,
  from: StreamPosition | undefined,
  to: StreamPosition,
): Promise<void> {
  const moved =
    from === undefined
      ? await sql`INSERT INTO monitor.checkpoints (name, partition, incarnation, stream_seq)
          VALUES (${name}, ${ALL_PARTITIONS}, ${to.incarnation}, ${to.sequence}) ON CONFLICT DO NOTHING`.execute(trx)
      : await sql`UPDATE monitor.checkpoints SET incarnation = ${to.incarnation}, stream_seq = ${to.sequence}
          WHERE name = ${name} AND partition = ${ALL_PARTITIONS}
            AND incarnation = ${from.incarnation} AND stream_seq = ${from.sequence}`.execute(trx);
  if (moved.numAffectedRows !== 1n) throw new FenceLost();
}
