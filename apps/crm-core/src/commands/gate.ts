import type { Pool } from 'pg';
import { refuse } from '#kernel';
import type { DisclosureKind, WrittenMeasure } from '#contracts';
import type { RecordType } from '#policy';
import type { CommandContext } from './command-context.js';

/** Core's use of the gate, for what core does itself (deleting, reassigning): after the policy, before the append. */
export class Gate {
  constructor(private readonly pool: Pool) {}

  /**
   * Counts and records, in a transaction of its own, under the command's id: repeated, it is the same disclosure. Throws
   * `view-limit-reached` when the gate does not admit, and the database's error when nothing could be recorded.
   */
  async admit(context: CommandContext, measure: WrittenMeasure, kind: DisclosureKind, type: RecordType, ids: readonly string[]) {
    const { caller } = context;
    const result = await this.pool.query<{ decision: string }>({
      name: 'gate-admit',
      text: 'SELECT decision FROM watch.admit($1, $2, $3, $4, $5::uuid[], $6, $7, $8, $9, $10)',
      values: [caller.userId, measure, kind, type, ids, context.commandId, caller.sessionId, caller.tokenId, caller.ip, true],
    });
    if (result.rows[0]?.decision !== 'admitted') refuse('view-limit-reached');
  }
}
