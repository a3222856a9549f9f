import type { Transaction } from 'kysely';
import { z } from 'zod';
import type { AlarmDraft } from './alarm-draft.js';
import { raiseAlarms } from './alarm-store.js';

/** What the monitor needs of a fact about settings, roles, people or departments; the fact may hold more. */
export const settingsChangedSchema = z.object({
  id: z.uuid(),
  at: z.iso.datetime({ offset: true }),
  actorId: z.uuid().nullable().optional(),
  /** Names of settings and rights, never what they were set to. */
  weakened: z.array(z.string()).optional(),
});
type SettingsChanged = z.output<typeof settingsChangedSchema>;

/** A name of a setting such as `ipAllowList.enabled`; anything else is not repeated in a message. */
const SETTING_NAME = /^[A-Za-z]+(\.[A-Za-z]+)*$/;

/** Raises `settings.weakened` for each change that made something weaker, or let somebody see full numbers. */
export async function raiseWeakenedSettings(trx: Transaction<unknown>, facts: readonly SettingsChanged[]): Promise<void> {
  await raiseAlarms(trx, facts.flatMap(draftOf));
}

function draftOf({ id, at, actorId, weakened = [] }: SettingsChanged): AlarmDraft[] {
  if (weakened.length === 0) return [];
  const names = weakened.map((name) => (SETTING_NAME.test(name) ? name : 'another setting'));
  const message = `Protections were weakened: ${[...new Set(names)].join(', ')}.`;
  const alarm = { type: 'settings.weakened', severity: 'warning', at, userId: actorId ?? null, message } as const;
  return [{ key: `settings.weakened|${id}`, alarm }];
}
