import { v7 as uuidv7 } from 'uuid';
import { SYSTEM_USER_ID } from '#contracts';
import { VersionConflict } from '#event-store';
import { streamChange, type CrmLog } from '../log/crm-log.js';
import { withoutAddressList } from './domain/cleared-address-list.js';
import { SECURITY_SETTINGS_ID, securitySettingsAggregate } from './security-settings.aggregate.js';

/** How often a save that came between is taken up. */
const ATTEMPTS = 20;

/** What a rescue met: a list that was in force or not, and how many entries it had. */
export interface Rescue {
  readonly wasEnabled: boolean;
  readonly entries: number;
  /** False: there was no list, and nothing was recorded. */
  readonly changed: boolean;
}

/**
 * Clears the IP allow-list as the system itself, whoever is locked out: an event like any other change of the settings, so that the
 * audit trail, the alarm and every gateway's next request follow. Throws `version-conflict` when others kept saving meanwhile.
 */
export async function clearAddressList(log: CrmLog, now: () => Date): Promise<Rescue> {
  for (let attempt = 1; ; attempt += 1) {
    const { state: before, version } = await log.load(securitySettingsAggregate, SECURITY_SETTINGS_ID);
    const events = securitySettingsAggregate.decide({ type: 'change', settings: withoutAddressList(before) }, before);
    const { enabled, entries } = before.ipAllowList;
    const rescue = { wasEnabled: enabled, entries: entries.length, changed: events.length > 0 };
    if (!rescue.changed) return rescue;
    try {
      await log.append([streamChange({ aggregate: securitySettingsAggregate, id: SECURITY_SETTINGS_ID, version, events })], {
        metadata: metadata(now()),
      });
      return rescue;
    } catch (error) {
      if (!(error instanceof VersionConflict) || attempt === ATTEMPTS) throw error;
    }
  }
}

/** No session, no token and no address: done on the machine itself. */
function metadata(at: Date) {
  const commandId = uuidv7();
  return {
    ...{ actorId: SYSTEM_USER_ID, sessionId: null, tokenId: null, ip: null, causationId: null },
    ...{ commandId, correlationId: commandId, at: at.toISOString() },
  };
}
