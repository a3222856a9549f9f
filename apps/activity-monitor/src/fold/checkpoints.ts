import { sql, type Kysely, type Transaction } from 'kysely';
import type { StreamPosition } from '#messaging';

/** Of streams that one instance reads whole. */
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

/** A partition's move, from where this instance believes it to stand. */
export interface PartitionPosition {
  readonly partition: number;
  readonly from: StreamPosition;
  readonly to: StreamPosition;
}

/** How far each of these partitions was folded. One that never was begins where the whole stream was read to before, or with nothing. */
export async function loadCheckpoints(
  db: Kysely<unknown>,
  name: string,
  partitions: readonly number[],
): Promise<Map<number, StreamPosition>> {
  await sql`
    INSERT INTO monitor.checkpoints (name, partition, incarnation, stream_seq)
    SELECT ${name}, p, coalesce(a.incarnation, ''), coalesce(a.stream_seq, 0) FROM unnest(${partitions}::integer[]) AS p
    LEFT JOIN monitor.checkpoints AS a ON a.name = ${name} AND a.partition = ${ALL_PARTITIONS}
    ON CONFLICT DO NOTHING`.execute(db);
  const { rows } = await sql<StreamPosition & { partition: number }>`
    SELECT partition, incarnation, stream_seq AS sequence FROM monitor.checkpoints
    WHERE name = ${name} AND partition = ANY (${partitions}::integer[])`.execute(db);
  return new Map(rows.map(({ partition, incarnation, sequence }) => [partition, { incarnation, sequence }]));
}

/** As `moveCheckpoint`, all or none. */
export async function moveCheckpoints(
  trx: Transaction<unknown>,
  name: string,
  moves: readonly PartitionPosition[],
): Promise<void> {
  const moved = await sql`
    UPDATE monitor.checkpoints AS c SET incarnation = m.to_incarnation, stream_seq = m.to_seq
    FROM unnest(${moves.map(({ partition }) => partition)}::integer[], ${moves.map(({ from }) => from.incarnation)}::text[],
      ${moves.map(({ from }) => from.sequence)}::bigint[], ${moves.map(({ to }) => to.incarnation)}::text[],
      ${moves.map(({ to }) => to.sequence)}::bigint[]) AS m(partition, incarnation, seq, to_incarnation, to_seq)
    WHERE c.name = ${name} AND c.partition = m.partition AND c.incarnation = m.incarnation AND c.stream_seq = m.seq`.execute(trx);
  if (moved.numAffectedRows !== BigInt(moves.length)) throw new FenceLost();
}
