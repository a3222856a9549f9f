import { sql, type Kysely } from 'kysely';
import type { AlarmDraft } from './alarm-draft.js';
import { raiseAlarms } from './alarm-store.js';

/** So many failures for one account within ten minutes are an alarm. */
const LEVEL = 10;
const WITHIN = '10 minutes';
const LOOK_BACK = '2 hours';
/** Whoever begins to lead raises what was missed of so long, while no monitor ran. */
export const FIRST_LOOK_BACK = '7 days';
/** The right password from a refused address is told once for account and address in so many seconds. */
const QUIET_SECONDS = 600;

interface RefusedSignIn {
  readonly id: string;
  readonly at: string;
  readonly user_id: string | null;
  readonly account: string;
}

/**
 * Raises `sign-in.refused`: with the failure that reaches the level, again only after the number fell below it, and for the right
 * password from a refused address. What was tried is read where gateways write it down, so no broker is needed. Returns how many were
 * raised.
 */
export async function raiseRefusedSignIns(db: Kysely<unknown>, lookBack: string = LOOK_BACK): Promise<number> {
  const drafts = [...(await manyFailures(db, lookBack)), ...(await refusedAddresses(db, lookBack))];
  if (drafts.length === 0) return 0;
  return (await db.transaction().execute((trx) => raiseAlarms(trx, drafts))).length;
}

async function manyFailures(db: Kysely<unknown>, lookBack: string): Promise<AlarmDraft[]> {
  const { rows } = await sql<RefusedSignIn>`
    WITH failed AS (
      SELECT id, at, actor_id, account, count(*) OVER earlier AS count
      FROM access.refused_sign_ins WHERE type = 'sign-in.failed' AND at > clock_timestamp() - ${lookBack}::interval - ${WITHIN}::interval
      WINDOW earlier AS (PARTITION BY account ORDER BY at RANGE BETWEEN ${sql.raw(`'${WITHIN}'`)} PRECEDING AND CURRENT ROW)
    ), reaching AS (
      SELECT *, coalesce(lag(count) OVER (PARTITION BY account ORDER BY at, id), 0) AS before FROM failed
    )
    SELECT r.id, watch.iso(r.at) AS at, r.actor_id AS user_id, r.account FROM reaching AS r
    WHERE r.count >= ${LEVEL} AND r.before < ${LEVEL} AND r.at > clock_timestamp() - ${lookBack}::interval
      AND NOT EXISTS (SELECT FROM monitor.alarms AS a WHERE a.dedupe_key = 'sign-in.refused|' || r.id)`.execute(db);
  return rows.map(({ id, at, user_id: userId }) => ({
    key: `sign-in.refused|${id}`,
    alarm: {
      ...{ type: 'sign-in.refused', severity: 'warning', at, userId, count: LEVEL },
      message: `Signing in failed ${LEVEL} times for one account within 10 minutes.`,
    },
  }));
}

async function refusedAddresses(db: Kysely<unknown>, lookBack: string): Promise<AlarmDraft[]> {
  const { rows } = await sql<RefusedSignIn & { key: string }>`
    SELECT DISTINCT ON (key) r.* FROM (
      SELECT id, watch.iso(at) AS at, actor_id AS user_id, account,
        concat_ws('|', 'sign-in.refused', account, ip, floor(extract(epoch FROM at) / ${QUIET_SECONDS})) AS key
      FROM access.refused_sign_ins
      WHERE type = 'sign-in.refused' AND reason = 'address' AND at > clock_timestamp() - ${lookBack}::interval
    ) AS r
    WHERE NOT EXISTS (SELECT FROM monitor.alarms AS a WHERE a.dedupe_key = r.key)
    ORDER BY key, r.id`.execute(db);
  return rows.map(({ key, at, user_id: userId }) => ({
    key,
    alarm: {
      ...{ type: 'sign-in.refused', severity: 'warning', at, userId },
      message: 'The right password came from an address that is not allowed.',
    },
  }));
}
