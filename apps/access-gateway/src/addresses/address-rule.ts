import type { SecuritySettings } from '#contracts';
import { AddressList } from '#policy';

/** Who comes from where: the parts of a request that the allow-list looks at. */
export interface AddressSubject {
  /** Null when the client's address cannot be told. */
  readonly ip: string | null;
  readonly isAdmin: boolean;
  readonly via: 'session' | 'token';
}

/**
 * The allow-list of the settings in force, compiled once per version of them. Enabled and empty is nobody but exempt
 * administrators; API tokens are never exempt.
 */
export class AddressRule {
  #compiled: { readonly authzVersion: number; readonly list: AddressList } | undefined;

  /** Whether the address may be used. `authzVersion` is that of the settings. */
  admits(subject: AddressSubject, settings: SecuritySettings, authzVersion: number): boolean {
    const { enabled, exemptAdmins } = settings.ipAllowList;
    if (subject.ip === null) return false;
    if (!enabled) return true;
    if (exemptAdmins && subject.isAdmin && subject.via === 'session') return true;
    return this.lists(subject.ip, settings, authzVersion);
  }

  /** Whether the address stands on the list, whoever comes from it. */
  lists(ip: string, settings: SecuritySettings, authzVersion: number): boolean {
    if (this.#compiled?.authzVersion !== authzVersion) {
      this.#compiled = { authzVersion, list: new AddressList(settings.ipAllowList.entries.map((entry) => entry.cidr)) };
    }
    return this.#compiled.list.holds(ip);
  }
}
