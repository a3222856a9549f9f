import { IANAZone } from 'luxon';
import { DomainError, refuse, refuseField, type FieldError } from '#kernel';
import type { SecuritySettings } from '#contracts';
import { AddressList, formatRange, parseRange } from '#policy';
import { isPhoneRegion } from '#privacy';

/** A name, not an offset such as `+03:00`: PostgreSQL reads the sign of those the other way round. */
const ZONE_NAME = /^[A-Za-z]/;

/**
 * The settings as they are kept: entries canonical, nothing but settings. Throws `invalid-cidr` naming each entry, `validation-failed`
 * for a zone or region that does not exist, `empty-allow-list` for one that would let nobody in without being confirmed.
 */
export function acceptedSettings(given: SecuritySettings): SecuritySettings {
  if (!ZONE_NAME.test(given.timeZone) || !IANAZone.isValidZone(given.timeZone))
    refuseField('validation-failed', 'timeZone', 'No such IANA time zone');
  if (!isPhoneRegion(given.defaultRegion)) refuseField('validation-failed', 'defaultRegion', 'No such region');
  const { confirmEmpty, entries, ...list } = given.ipAllowList;
  const ranges = entries.map(({ cidr, note }) => ({ range: parseRange(cidr), note }));
  const errors = ranges.flatMap(({ range }, index): FieldError[] =>
    range === null
      ? [{ path: `ipAllowList.entries.${index}.cidr`, code: 'invalid-cidr', message: 'Not an address or CIDR' }]
      : [],
  );
  if (errors.length > 0) throw new DomainError('invalid-cidr', { errors });
  if (list.enabled && entries.length === 0 && confirmEmpty !== true) refuse('empty-allow-list');
  const kept = ranges.flatMap(({ range, note }) => (range === null ? [] : [{ cidr: formatRange(range), note }]));
  return { ...given, ipAllowList: { ...list, entries: kept } };
}

/** Throws `would-lock-you-out` when the list would shut out the address of the administrator who saves it. */
export function refuseLockOut(settings: SecuritySettings, saver: { readonly ip: string; readonly isAdmin: boolean }): void {
  const { enabled, exemptAdmins, entries } = settings.ipAllowList;
  if (!enabled || (exemptAdmins && saver.isAdmin)) return;
  if (!new AddressList(entries.map(({ cidr }) => cidr)).holds(saver.ip)) refuse('would-lock-you-out');
}
