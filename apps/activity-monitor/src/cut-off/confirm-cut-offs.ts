import { sql, type Kysely, type Transaction } from 'kysely';
import { z } from 'zod';
import { cutoffAppliedSchema, type CutoffApplied, type LimitStanding } from '#contracts';
import type { AlarmDraft } from '../alarms/alarm-draft.js';
import { exposurePath } from '../alarms/alarm-draft.js';
import { raiseAlarms } from '../alarms/alarm-store.js';
import { presentWindowing } from '../alarms/present-windowing.js';
import type { Windowing } from '../gate/gate.rules.js';

/** How long the alarm waits for confirmations after the fact went out. */
const WAIT_MS = 1_000;

/** A confirmation, of an instance as instances are named: any text could hold what the database does not take. */
export const confirmationSchema = cutoffAppliedSchema.extend({ instance: z.string().regex(/^[\w.-]{1,64}$/) });

/**
 * Records confirmations of cut-offs that there are. One that comes after the alarm completes the figure in the stored alarm. Whoever
 * publishes may say what he likes: what is no cut-off of ours is passed over, and no time that is told stops the alarms.
 */
export async function recordConfirmations(trx: Transaction<unknown>, confirmations: readonly CutoffApplied[]): Promise<void> {
  for (const { deactivationId, service, instance, at } of confirmations) {
    await sql`
      INSERT INTO monitor.cutoff_confirmations (cutoff_id, service, instance, at)
      SELECT c.id, ${service}, ${instance}, ${at} FROM monitor.cutoffs AS c WHERE c.id = ${deactivationId} ON CONFLICT DO NOTHING`.execute(
      trx,
    );
    await sql`
      UPDATE monitor.alarms AS a SET alarm = a.alarm || jsonb_build_object('cutOffMs', ${cutOffMs})
      FROM monitor.cutoffs AS c WHERE c.id = ${deactivationId} AND a.id = c.alarm_id`.execute(trx);
  }
}

/** A figure has to fit: no cut-off takes a day. */
const LONGEST_CUT_OFF_MS = 86_400_000;
/** Milliseconds from the refusal of cut-off `c` to its last confirmation; services' clocks may be a little behind, so never less than 0. */
const cutOffMs = sql`(SELECT max(least(${LONGEST_CUT_OFF_MS}::integer, greatest(0, round(extract(epoch FROM f.at - c.refused_at) * 1000))))
                      FROM monitor.cutoff_confirmations AS f WHERE f.cutoff_id = c.id)`;

interface OpenCutOff {
  readonly id: string;
  readonly user_id: string;
  readonly refused_at: string;
  readonly cause: LimitStanding;
  readonly waited_ms: number;
  readonly cut_off_ms: number | null;
  readonly confirmations: readonly Pick<CutoffApplied, 'service' | 'instance'>[] | null;
}

/**
 * Raises `user.deactivated` for each cut-off that all these gateways and core have confirmed, or whose fact went out a second ago.
 * Returns how many were raised.
 */
export async function raiseCutOffAlarms(db: Kysely<unknown>, gateways: readonly string[]): Promise<number> {
  const { rows } = await sql<OpenCutOff>`
    SELECT c.id, c.user_id, watch.iso(c.refused_at) AS refused_at, c.cause, ${cutOffMs}::integer AS cut_off_ms,
      (extract(epoch FROM clock_timestamp() - c.emitted_at) * 1000)::integer AS waited_ms,
      (SELECT jsonb_agg(jsonb_build_object('service', f.service, 'instance', f.instance))
       FROM monitor.cutoff_confirmations AS f WHERE f.cutoff_id = c.id) AS confirmations
    FROM monitor.cutoffs AS c WHERE c.alarm_id IS NULL AND c.emitted_at IS NOT NULL`.execute(db);
  const due = rows.filter((row) => row.waited_ms >= WAIT_MS || isConfirmed(row, gateways));
  if (due.length === 0) return 0;
  const windowing = await presentWindowing(db);
  for (const row of due) {
    await db.transaction().execute(async (trx) => {
      const [alarmId] = await raiseAlarms(trx, [draftOf(row, windowing)]);
      if (alarmId !== undefined) await sql`UPDATE monitor.cutoffs SET alarm_id = ${alarmId} WHERE id = ${row.id}`.execute(trx);
    });
  }
  return due.length;
}

function isConfirmed({ confirmations }: OpenCutOff, gateways: readonly string[]): boolean {
  const has = (service: string, instance?: string): boolean =>
    (confirmations ?? []).some((one) => one.service === service && (instance === undefined || one.instance === instance));
  return has('crm-core') && gateways.every((instance) => has('access-gateway', instance));
}

function draftOf(row: OpenCutOff, windowing: Windowing): AlarmDraft {
  const { measure, window, max, count } = row.cause;
  return {
    key: `user.deactivated|${row.id}`,
    alarm: {
      type: 'user.deactivated',
      severity: 'critical',
      at: row.refused_at,
      userId: row.user_id,
      measure,
      window,
      limit: max,
      count,
      ...(row.cut_off_ms === null ? {} : { cutOffMs: row.cut_off_ms }),
      exposure: exposurePath(row.user_id, window, row.refused_at, windowing),
      message: `Cut off at the limit of ${max} within the ${window} (${measure}).`,
    },
  };
}
