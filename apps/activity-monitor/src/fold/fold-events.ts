import type { Transaction } from 'kysely';
import type { WatchEvent } from '#contracts';
import { raiseAlarms } from '../alarms/alarm-store.js';
import { raiseLimitAlarms } from '../alarms/limit-alarms.js';
import { raiseMassActionAlarms } from '../alarms/mass-actions.js';
import { unheldAdministratorAlarms } from '../alarms/unheld-administrators.js';
import { beginCutOffs } from '../cut-off/begin-cut-offs.js';
import { amountOf } from '../gate/gate.rules.js';
import { addExposure, addToWindows, subjectsFromLog, takeUnfolded, type Disclosed } from './ledger.js';

/**
 * Folds events of the gate into windows, ledger, alarms and cut-offs, in the caller's transaction. An event that was folded
 * before changes nothing. Returns how many were new.
 */
export async function foldEvents(trx: Transaction<unknown>, events: readonly WatchEvent[]): Promise<number> {
  // In the order of their ids, as everybody: two that fold the same events then wait for each other one way only.
  const inOrder = events.toSorted((left, right) => (left.id < right.id ? -1 : 1));
  const fresh = (await takeUnfolded(trx, inOrder)).toSorted(byTime);
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
  return fresh.length;
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
