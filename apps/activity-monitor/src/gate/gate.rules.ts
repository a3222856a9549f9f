import type { Limit, LimitStanding, LimitWindow, Measure, ReachedLimit, SecuritySettings, WrittenMeasure } from '#contracts';
import { calendarWindowStart, zoneOf } from '../windows/calendar-window.js';

/** One recorded disclosure, as far as it counts. `at` is in milliseconds since 1970. */
export interface CountedDisclosure {
  readonly at: number;
  readonly epoch: number;
  readonly measure: WrittenMeasure;
  /** The card of an opening; undefined for what is not an opening. */
  readonly subjectId: string | undefined;
  readonly amount: number;
}

/** What the gate knows of a viewer when it decides. */
export interface GateState {
  readonly status: 'invited' | 'active' | 'deactivated';
  readonly isAdmin: boolean;
  readonly userId: string;
  /** The effective roles. */
  readonly roleIds: readonly string[];
  readonly epoch: number;
  /** The cause of the hold of the present epoch, if there is one. */
  readonly heldBy: LimitStanding | undefined;
  readonly isLastAdministrator: boolean;
  readonly timeZone: string;
  readonly monitoring: SecuritySettings['activityMonitoring'];
  /** All of the viewer's disclosures. */
  readonly disclosures: readonly CountedDisclosure[];
}

export interface GateRequest {
  readonly measure: WrittenMeasure;
  readonly subjectIds: readonly string[];
  /** By the database's clock, read under the viewer's lock. */
  readonly at: number;
}

export type GateDecision =
  | { readonly decision: 'inactive' }
  | { readonly decision: 'refused'; readonly by: LimitStanding; readonly holds: boolean }
  | { readonly decision: 'admitted'; readonly limits: readonly ReachedLimit[] };

const OPENINGS: readonly Measure[] = ['deal.opened', 'contact.opened', 'company.opened'];
const ROLLING_MS = { hour: 3_600_000, day: 86_400_000 } as const;

/**
 * The gate's decision (ADR 2), pure. `watch.admit` in the database decides by the same rules and is held against
 * this function; this one reads better and never serves a request.
 */
export function admit(state: GateState, request: GateRequest): GateDecision {
  if (state.status !== 'active') return { decision: 'inactive' };
  if (state.heldBy !== undefined) return { decision: 'refused', by: state.heldBy, holds: false };
  if (!state.monitoring.enabled) return { decision: 'admitted', limits: [] };
  const met = limitsFor(state, request.measure).map((limit) => meet(limit, state, request));
  const exempt = state.isAdmin && state.monitoring.exemptAdmins;
  const refusing = exempt ? [] : met.filter(exceeds).sort(byWeight);
  const [first] = refusing;
  if (first !== undefined) {
    const { measure, window, action, max } = first;
    const by = { measure, window, action, max, count: first.count - first.added };
    return { decision: 'refused', by, holds: first.action === 'deactivate' && !state.isLastAdministrator };
  }
  return { decision: 'admitted', limits: met.filter((limit) => limit.count >= Math.ceil((4 * limit.max) / 5)) };
}

/** What a request counts: an opening or a lookup once, everything else each of its rows. */
export function amountOf(request: Pick<GateRequest, 'measure' | 'subjectIds'>): number {
  return OPENINGS.includes(request.measure) || request.measure === 'phone.lookedUp' ? 1 : request.subjectIds.length;
}

/** An opening that adds nothing to the count is served, also under a limit that was lowered below it. */
function exceeds(limit: ReachedLimit): boolean {
  return limit.action !== 'alert' && limit.added > 0 && limit.count > limit.max;
}

/** The limit that a refusal names: a `deactivate` before a `refuse`, then the smallest maximum, then by its name, as in SQL. */
function byWeight(left: LimitStanding, right: LimitStanding): number {
  const byName = `${left.measure} ${left.window}` < `${right.measure} ${right.window}` ? -1 : 1;
  return Number(right.action === 'deactivate') - Number(left.action === 'deactivate') || left.max - right.max || byName;
}

/** Per measure, window and action the narrowest scope that fits the viewer, and in it the largest maximum. */
export function limitsFor(
  state: Pick<GateState, 'userId' | 'roleIds' | 'monitoring'>,
  measure: WrittenMeasure,
): readonly Limit[] {
  const measures: Measure[] = OPENINGS.includes(measure) ? [measure, 'card.opened'] : [measure];
  const narrowest = new Map<string, Limit>();
  for (const limit of state.monitoring.limits) {
    if (!measures.includes(limit.measure) || breadth(limit, state) === undefined) continue;
    const key = `${limit.measure} ${limit.window} ${limit.action}`;
    const other = narrowest.get(key);
    if (other === undefined || isNarrower(limit, other, state)) narrowest.set(key, limit);
  }
  return [...narrowest.values()];
}

function isNarrower(limit: Limit, other: Limit, state: Pick<GateState, 'userId' | 'roleIds'>): boolean {
  const difference = (breadth(limit, state) ?? 0) - (breadth(other, state) ?? 0);
  return difference < 0 || (difference === 0 && limit.max > other.max);
}

function breadth({ scope }: Limit, viewer: Pick<GateState, 'userId' | 'roleIds'>): 1 | 2 | 3 | undefined {
  if ('userIds' in scope) return scope.userIds.some((id) => id.toLowerCase() === viewer.userId) ? 1 : undefined;
  if ('roleIds' in scope) return scope.roleIds.some((id) => viewer.roleIds.includes(id.toLowerCase())) ? 2 : undefined;
  return 3;
}

function meet(limit: Limit, state: GateState, request: GateRequest): ReachedLimit {
  const counts = countedIn(limit, state, request.at);
  const distinct = OPENINGS.includes(request.measure) && state.monitoring.counting === 'distinct';
  const cards = new Set(counts.map((disclosure) => disclosure.subjectId));
  const before = distinct ? cards.size : counts.reduce((sum, disclosure) => sum + disclosure.amount, 0);
  const added = distinct && cards.has(request.subjectIds[0]) ? 0 : amountOf(request);
  return { measure: limit.measure, window: limit.window, action: limit.action, max: limit.max, count: before + added, added };
}

/** The disclosures of the present epoch inside the limit's window. Nothing is later than the window: a clock moved back forgets nothing. */
function countedIn(limit: Limit, state: GateState, at: number): readonly CountedDisclosure[] {
  const start = windowStart(limit.window, state, at);
  const isInside = state.monitoring.windowing === 'rolling' ? (t: number) => t > start : (t: number) => t >= start;
  const measures = limit.measure === 'card.opened' ? OPENINGS : [limit.measure];
  return state.disclosures.filter(
    (disclosure) => disclosure.epoch === state.epoch && measures.includes(disclosure.measure) && isInside(disclosure.at),
  );
}

/** By what windows begin. */
export interface Windowing {
  readonly timeZone: string;
  readonly monitoring: Pick<SecuritySettings['activityMonitoring'], 'windowing'>;
}

/** Where the window that holds `at` begins; a rolling one leaves this very instant out. */
export function windowStart(window: LimitWindow, state: Windowing, at: number): number {
  if (state.monitoring.windowing === 'rolling') return at - ROLLING_MS[window];
  return calendarWindowStart(window, zoneOf(state.timeZone), at);
}
