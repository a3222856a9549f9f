import { sql, type Kysely } from 'kysely';
import type { SecuritySettings, Suggestions, SuggestionsReply } from '#contracts';
import { peaksSince } from './peaks.js';
import { suggestionsFrom, type SuggestedTo } from './suggestion.rules.js';

const PERIOD_DAYS = 28;
const DAY_MS = 86_400_000;
/** The past does not change much; going through it is a second's work in a large company. */
const KEPT_MS = 60_000;

/** Suggests limits from history, kept for a minute for each way of counting, so that asking again costs nothing. */
export class SuggestionsQuery {
  readonly #kept = new Map<string, { readonly until: number; readonly suggestions: Promise<Suggestions> }>();

  constructor(private readonly db: Kysely<unknown>) {}

  async ask(): Promise<SuggestionsReply> {
    const monitoring = await settingsOf(this.db);
    const { windowing, counting, exemptAdmins } = monitoring;
    const key = `${windowing} ${counting} ${exemptAdmins}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined && kept.until > performance.now()) return { ok: true, ...(await kept.suggestions) };
    const suggestions = suggest(this.db, monitoring);
    this.#kept.set(key, { until: performance.now() + KEPT_MS, suggestions });
    suggestions.catch(() => this.#kept.delete(key));
    return { ok: true, ...(await suggestions) };
  }
}

async function suggest(db: Kysely<unknown>, monitoring: SecuritySettings['activityMonitoring']): Promise<Suggestions> {
  const { from, to } = await periodOf(db);
  const days = Math.max(1, Math.ceil((to.getTime() - from.getTime()) / DAY_MS));
  const [people, peaks] = await Promise.all([
    peopleWhoseLimitsCount(db, monitoring.exemptAdmins),
    peaksSince(db, from, monitoring),
  ]);
  const counted = new Set(people.map(({ userId }) => userId));
  const items = suggestionsFrom(
    peaks.filter(({ userId }) => counted.has(userId)),
    people,
    days,
  );
  const { windowing, counting } = monitoring;
  return { from: from.toISOString(), to: to.toISOString(), days, windowing, counting, items: [...items] };
}

async function settingsOf(db: Kysely<unknown>): Promise<SecuritySettings['activityMonitoring']> {
  const { rows } = await sql<{ monitoring: SecuritySettings['activityMonitoring'] }>`
    SELECT settings->'activityMonitoring' AS monitoring FROM read.security`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error('there are no settings');
  return row.monitoring;
}

/** 28 days by the database's clock, or since the first disclosure. */
async function periodOf(db: Kysely<unknown>): Promise<{ from: Date; to: Date }> {
  const { rows } = await sql<{ from: Date; to: Date }>`
    SELECT greatest(n.now - ${PERIOD_DAYS} * interval '24 hours',
      coalesce((SELECT d.at FROM watch.disclosures AS d ORDER BY d.id LIMIT 1), n.now)) AS "from", n.now AS "to"
    FROM (SELECT clock_timestamp() AS now) AS n`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error('the clock was not read');
  return row;
}

/** Everybody but administrators whom limits do not bind. People who are gone by now are counted: they had their days. */
async function peopleWhoseLimitsCount(db: Kysely<unknown>, exemptAdmins: boolean): Promise<readonly SuggestedTo[]> {
  const { rows } = await sql<SuggestedTo>`
    SELECT p.user_id AS "userId", p.role_ids || read.roles_of_department(p.department_id) AS "roleIds"
    FROM read.principals AS p WHERE NOT (p.is_admin AND ${exemptAdmins})`.execute(db);
  return rows;
}
