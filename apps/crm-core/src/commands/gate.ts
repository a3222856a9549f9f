import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import { isDerivedUuid, refuse, uuidFromDigest } from '#kernel';
import type { DisclosureKind, WrittenMeasure } from '#contracts';
import type { RecordType } from '#policy';
import type { CommandContext } from './command-context.js';
import { COMMANDS_KEPT_DAYS } from './repeats.js';

/** Core's use of the gate, for what core does itself (reveals, calls, deletions and the like): after the policy, before the append. */
export class Gate {
  constructor(private readonly pool: Pool) {}

  /**
   * Counts and records, in a transaction of its own, under the command's id: repeated, it is the same disclosure. `masked` is false
   * where a number or an address is shown in full. Throws `view-limit-reached` when the gate does not admit, and the database's error
   * when nothing could be recorded.
   */
  async admit(
    context: CommandContext,
    measure: WrittenMeasure,
    kind: DisclosureKind,
    type: RecordType,
    ids: readonly string[],
    masked = true,
  ): Promise<void> {
    const result = await this.pool.query<{ decision: string }>({
      name: 'gate-admit',
      text: 'SELECT decision FROM watch.admit($1, $2, $3, $4, $5::uuid[], $6, $7, $8, $9, $10)',
      values: this.values(context, [measure, kind, type, ids], masked),
    });
    if (result.rows[0]?.decision !== 'admitted') refuse('view-limit-reached');
  }

  /**
   * `admit` for one lookup, hit or miss, whatever kinds of records it found: one count. Of companies and contacts both, the contacts are
   * noted beside the companies, as the names on a deal are.
   */
  async admitLookup(context: CommandContext, found: Readonly<Record<'contact' | 'company', readonly string[]>>): Promise<void> {
    const { contact, company } = found;
    const [type, ids, beside] =
      company.length === 0 ? (['contact', contact, []] as const) : (['company', company, contact] as const);
    const result = await this.pool.query<{ decision: string }>({
      name: 'gate-admit-lookup',
      text: `SELECT gate.decision, CASE WHEN gate.decision = 'admitted' AND cardinality($11::uuid[]) > 0
               THEN watch.note_looked_up($1, $6, $11::uuid[])::text END AS noted
             FROM watch.admit($1, $2, $3, $4, $5::uuid[], $6, $7, $8, $9, $10) AS gate`,
      values: [...this.values(context, ['phone.lookedUp', 'lookup', type, ids], true), beside],
    });
    if (result.rows[0]?.decision !== 'admitted') refuse('view-limit-reached');
  }

  private values(context: CommandContext, what: readonly unknown[], masked: boolean): unknown[] {
    const { caller } = context;
    return [caller.userId, ...what, disclosureIdOf(context), caller.sessionId, caller.tokenId, caller.ip, masked];
  }
}

const KEPT_MS = COMMANDS_KEPT_DAYS * 24 * 3_600_000;

/**
 * Under which id the gate knows the disclosure of a command. The gate keeps its log for good, and an Idempotency-Key is free again when its
 * command is forgotten: what is asked under it then is counted anew. So the span of time goes in too, as long as commands are kept: from
 * one use to the next it is another. A first that died in another span than its repeat is counted twice, which errs towards the limit.
 */
function disclosureIdOf({ commandId, at }: Pick<CommandContext, 'commandId' | 'at'>): string {
  if (!isDerivedUuid(commandId)) return commandId;
  const span = Math.floor(Date.parse(at) / KEPT_MS);
  return uuidFromDigest(createHash('sha256').update(`${commandId}|${span}`).digest());
}
