import { sql, type Transaction } from 'kysely';
import type { Alarm } from '#contracts';
import type { PostFailed } from '#platform';
import type { DeliveryState, GatewaySchema } from '../database/access-schema.js';
import type { GatewayDatabase } from '../database/gateway-database.js';
import { afterFailure, earlierThan, RETRY_AFTER_MS } from './delivery.rules.js';

/** Longer than a try can take: a gateway that died in it is followed by another. */
const LEASE = '15 seconds';
/** How long it is told what became of a delivery. */
const KEPT = '30 days';

/** One try of one delivery, ours until the lease runs out. */
export interface Claim {
  readonly webhookId: string;
  readonly alarmId: string;
  readonly body: string;
  readonly sealed: string;
  readonly attempts: number;
}
export interface Delivery {
  readonly alarmId: string;
  readonly type: string;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly fault: string | null;
  readonly status: number | null;
  readonly createdAt: Date;
  readonly dueAt: Date | null;
  readonly finishedAt: Date | null;
}

/** What is to be delivered to webhooks. Any number of gateways work at it: a row is claimed for a while, and claimed by one. */
export class DeliveryQueue {
  constructor(
    private readonly database: GatewayDatabase,
    private readonly retryAfterMs: readonly number[] = RETRY_AFTER_MS,
  ) {}

  /** Behind which alarm there may be some that are not noted; null when there is no live webhook. */
  async notedUpTo(): Promise<string | null> {
    const { rows } = await sql<{ noted: boolean; last: string }>`
      SELECT noted_alarm_id IS NOT NULL AS noted, coalesce(noted_alarm_id, after_alarm_id)::text AS last
      FROM access.webhooks WHERE ended_at IS NULL ORDER BY 2 LIMIT 1`.execute(this.database.db);
    const [row] = rows;
    return row === undefined ? null : row.noted ? earlierThan(row.last) : row.last;
  }

  /** Notes alarms, in their order, for the webhooks that ask for their types: each alarm once for each. Gives how many were new. */
  async note(alarms: readonly Alarm[]): Promise<number> {
    const last = alarms.at(-1);
    if (last === undefined) return 0;
    const given = JSON.stringify(alarms.map((alarm) => ({ id: alarm.id, type: alarm.type, body: JSON.stringify(alarm) })));
    const { rows } = await sql`
      WITH noted AS (
        UPDATE access.webhooks SET noted_alarm_id = ${last.id}
        WHERE ended_at IS NULL AND coalesce(noted_alarm_id < ${last.id}, true)
      )
      INSERT INTO access.webhook_deliveries (webhook_id, alarm_id, type, body)
      SELECT w.id, a.id, a.type, a.body
      FROM access.webhooks AS w JOIN jsonb_to_recordset(${given}::jsonb) AS a(id uuid, type text, body text)
        ON a.type = ANY (w.types) AND a.id > w.after_alarm_id
      WHERE w.ended_at IS NULL
      ON CONFLICT DO NOTHING RETURNING 1`.execute(this.database.db);
    return rows.length;
  }

  /** The next try of each webhook but those named, oldest alarm first. It counts as tried, whatever becomes of it. */
  async claim(except: readonly string[]): Promise<Claim[]> {
    const { rows } = await sql<Claim>`
      UPDATE access.webhook_deliveries AS d
      SET attempts = d.attempts + 1, lease_until = clock_timestamp() + ${LEASE}::interval
      FROM access.webhooks AS w CROSS JOIN LATERAL (
        SELECT x.webhook_id, x.alarm_id FROM access.webhook_deliveries AS x
        WHERE x.webhook_id = w.id AND x.state = 'pending' AND x.due_at <= clock_timestamp()
          AND coalesce(x.lease_until < clock_timestamp(), true)
        ORDER BY x.alarm_id LIMIT 1 FOR UPDATE SKIP LOCKED
      ) AS next
      WHERE w.ended_at IS NULL AND w.id <> ALL (${[...except]}::uuid[])
        AND d.webhook_id = next.webhook_id AND d.alarm_id = next.alarm_id
      RETURNING d.webhook_id AS "webhookId", d.alarm_id AS "alarmId", d.body, w.sealed, d.attempts`.execute(this.database.db);
    return rows;
  }

  async taken({ webhookId, alarmId, attempts }: Claim, status: number): Promise<void> {
    await sql`
      UPDATE access.webhook_deliveries SET state = 'delivered', body = NULL, lease_until = NULL, finished_at = clock_timestamp(),
        last_fault = NULL, last_status = ${status}
      WHERE webhook_id = ${webhookId} AND alarm_id = ${alarmId} AND state = 'pending' AND attempts = ${attempts}`.execute(
      this.database.db,
    );
  }

  /** Tried again later, or dead after the last try. Gives which. */
  async failed(
    { webhookId, alarmId, attempts }: Claim,
    { fault, status }: Pick<PostFailed, 'fault' | 'status'>,
  ): Promise<DeliveryState> {
    const next = afterFailure(attempts, this.retryAfterMs);
    const isDead = next === 'dead';
    await sql`
      UPDATE access.webhook_deliveries SET last_fault = ${fault}, last_status = ${status}, lease_until = NULL,
        state = ${isDead ? 'dead' : 'pending'},
        due_at = clock_timestamp() + ${isDead ? 0 : next.retryInMs} * interval '1 millisecond',
        finished_at = CASE WHEN ${isDead} THEN clock_timestamp() END
      WHERE webhook_id = ${webhookId} AND alarm_id = ${alarmId} AND state = 'pending' AND attempts = ${attempts}`.execute(
      this.database.db,
    );
    return isDead ? 'dead' : 'pending';
  }

  /** What became of the alarms of a webhook, newest first; null: in any state. */
  async list(webhookId: string, state: DeliveryState | null, before: string | null, limit: number): Promise<Delivery[]> {
    return this.database.db
      .selectFrom('access.webhook_deliveries')
      .select(['alarm_id as alarmId', 'type', 'state', 'attempts', 'last_fault as fault', 'last_status as status'])
      .select(['created_at as createdAt', 'finished_at as finishedAt'])
      .select(sql<Date | null>`CASE WHEN state = 'pending' THEN due_at END`.as('dueAt'))
      .where('webhook_id', '=', webhookId)
      .$if(state !== null, (query) => query.where('state', '=', state as DeliveryState))
      .$if(before !== null, (query) => query.where('alarm_id', '<', before as string))
      .orderBy('alarm_id', 'desc')
      .limit(limit)
      .execute();
  }

  /** Tries again what is dead of a webhook, as if for the first time. Gives how many there are. */
  async retry(trx: Transaction<GatewaySchema>, webhookId: string): Promise<number> {
    const { numAffectedRows } = await sql`
      UPDATE access.webhook_deliveries SET state = 'pending', attempts = 0, due_at = clock_timestamp(), finished_at = NULL
      WHERE webhook_id = ${webhookId} AND state = 'dead'`.execute(trx);
    return Number(numAffectedRows ?? 0);
  }

  /** Forgets what was delivered or dead for a month. */
  async tidy(): Promise<void> {
    await sql`
      DELETE FROM access.webhook_deliveries
      WHERE state <> 'pending' AND finished_at < clock_timestamp() - ${KEPT}::interval`.execute(this.database.db);
  }
}
