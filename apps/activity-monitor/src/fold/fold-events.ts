import type { Transaction } from 'kysely';
import type { WatchEvent } from '#contracts';
import { raiseAlarms } from '../alarms/alarm-store.js';
import { raiseLimitAlarms } from '../alarms/limit-alarms.js';
import { raiseMassActionAlarms } from '../alarms/mass-actions.js';
import { unheldAdministratorAlarms } from '../alarms/unheld-administrators.js';
import { beginCutOffs } from '../cut-off/begin-cut-offs.js';
import { amountOf } from '../gate/gate.rules.js';
import { addExposure, addToWindows, subjectsFromLog, takeFromLog, type Disclosed } from './ledger.js';

/** How many events were folded, and the ids of which the log has nothing. */
export interface Folded {
  readonly folded: number;
  readonly unknown: readonly string[];
}

/**
 * Folds events of the gate, as the disclosure log has them, into windows, ledger, alarms and cut-offs, in the caller's transaction. An
 * event that was folded before changes nothing, nor does one that the log does not have.
 */
export async function foldEvents(trx: Transaction<unknown>, ids: readonly string[]): Promise<Folded> {
  const taken = await takeFromLog(trx, ids);
  const fresh = taken.fresh.toSorted(byTime);
  const refused = fresh.filter((event) => event.type === 'view.refused');
  const disclosed = await withSubjects(
    trx,
    fresh.filter((event) => event.type !== 'view.refused'),
  );
  if (disclosed.length > 0) {
    await addExposure(trx, disclosed);
    await addToWindows(trx, disclosed);
    await raiseLimitAlarms(trx, disclosed);
    await raiseMassActionAlarms(trx, disclosed);
  }
  if (refused.length > 0) {
    await beginCutOffs(trx, refused);
    await raiseAlarms(trx, await unheldAdministratorAlarms(trx, refused));
  }
  return { folded: fresh.length, unknown: taken.unknown };
}

function byTime(left: WatchEvent, right: WatchEvent): number {
  return left.at < right.at ? -1 : left.at > right.at ? 1 : 0;
}

async function withSubjects(trx: Transaction<unknown>, events: readonly WatchEvent[]): Promise<readonly Disclosed[]> {
  const left = events.filter((event) => event.subjectIds.length === 0).map((event) => event.id);
  const fromLog = await subjectsFromLog(trx, left);
  return events.map((event) => {
    const subjectIds = [...new Set(fromLog.get(event.id) ?? event.subjectIds)];
    const measure = event.measure as Parameters<typeof amountOf>[0]['measure'];
    return { event, subjectIds, amount: amountOf({ measure, subjectIds: fromLog.get(event.id) ?? event.subjectIds }) };
  });
}
