import { setTimeout as sleep } from 'node:timers/promises';
import { sql, type Kysely } from 'kysely';
import type { SecuritySettings, Suggestions, SuggestionsReply } from '#contracts';
import { DomainError } from '#kernel';
import { peaksSince } from './peaks.js';
import { suggestionsFrom, type Peak, type SuggestedTo } from './suggestion.rules.js';

const PERIOD_DAYS = 28;
const DAY_MS = 86_400_000;
/** The past does not change much, and going through it takes many seconds in a large company. */
const KEPT_MS = 300_000;
/** Less than the gateway waits for an answer. */
const PATIENCE_MS = 4_000;
/** People gone through at a time. */
const CHUNK = 25;

/**
 * Suggests limits from history. What was worked out is kept for five minutes for each way of counting. While it is being worked out the
 * answer is `dependency-unavailable`, to be asked again.
 */
export class SuggestionsQuery {
  readonly #kept = new Map<string, { readonly until: number; readonly suggestions: Promise<Suggestions> }>();

  constructor(private readonly db: Kysely<unknown>) {}

  async ask(): Promise<SuggestionsReply> {
    const monitoring = await settingsOf(this.db);
    const { windowing, counting, exemptAdmins } = monitoring;
    const key = `${windowing} ${counting} ${exemptAdmins}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined && kept.until > performance.now()) return inTime(kept.suggestions);
    const suggestions = suggest(this.db, monitoring);
    this.#kept.set(key, { until: performance.now() + KEPT_MS, suggestions });
    suggestions.catch(() => this.#kept.delete(key));
    return inTime(suggestions);
  }
}

async function inTime(suggestions: Promise<Suggestions>): Promise<SuggestionsReply> {
  const patience = new AbortController();
  const tooLate = sleep(PATIENCE_MS, undefined, { signal: patience.signal, ref: false });
  const first = await Promise.race([suggestions, tooLate.catch(() => undefined)]);
  patience.abort();
  if (first !== undefined) return { ok: true, ...first };
  throw new DomainError('dependency-unavailable', { detail: 'suggestions are being worked out', retryAfterSeconds: 5 });
}

async function suggest(db: Kysely<unknown>, monitoring: SecuritySettings['activityMonitoring']): Promise<Suggestions> {
  const { from, to } = await periodOf(db);
  const days = Math.max(1, Math.ceil((to.getTime() - from.getTime()) / DAY_MS));
  const people = await peopleWhoseLimitsCount(db, monitoring.exemptAdmins);
  const userIds = people.map(({ userId }) => userId);
  const peaks: Peak[] = [];
  for (let at = 0; at < userIds.length; at += CHUNK)
    peaks.push(...(await peaksSince(db, userIds.slice(at, at + CHUNK), from, monitoring)));
  const items = suggestionsFrom(peaks, people, days);
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
