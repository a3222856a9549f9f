import type { Transaction } from 'kysely';
import { raiseAlarms } from '../alarms/alarm-store.js';
import { raiseLimitAlarms } from '../alarms/limit-alarms.js';
import { raiseMassActionAlarms } from '../alarms/mass-actions.js';
import { unheldAdministratorAlarms } from '../alarms/unheld-administrators.js';
import { beginCutOffs } from '../cut-off/begin-cut-offs.js';
import { addExposure, addToWindows, takeFromLog } from './ledger.js';

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
  const { disclosed, refused, unknown } = await takeFromLog(trx, ids);
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
  return { folded: disclosed.length + refused.length, unknown };
}
