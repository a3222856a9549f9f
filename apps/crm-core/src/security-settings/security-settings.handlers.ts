import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { Pool } from 'pg';
import { refuse, refuseField } from '#kernel';
import { securitySettingsSchema, type AcceptedReply, type Limit, type SecuritySettings } from '#contracts';
import { allows } from '#policy';
import { maskText } from '#privacy';
import { naming, whileTheyStand } from '../authz/references.js';
import { CrmCommand } from '../commands/command-context.js';
import { CommandShell } from '../commands/command-shell.js';
import { CORE_POOL } from '../log/log.module.js';
import { acceptedSettings, refuseLockOut } from './domain/security-settings.rules.js';
import { SECURITY_SETTINGS_ID, securitySettingsAggregate } from './security-settings.aggregate.js';

export class ChangeSecuritySettings extends CrmCommand {}

@CommandHandler(ChangeSecuritySettings)
export class ChangeSecuritySettingsHandler implements ICommandHandler<ChangeSecuritySettings> {
  constructor(
    private readonly shell: CommandShell,
    @Inject(CORE_POOL) private readonly pool: Pool,
  ) {}

  async execute({ context }: ChangeSecuritySettings): Promise<AcceptedReply> {
    if (!allows(context.principal, 'settings', 'edit')) refuse('forbidden');
    const change = (): Promise<AcceptedReply> =>
      this.shell.run(context, securitySettingsAggregate, SECURITY_SETTINGS_ID, async ({ state }) => {
        const settings = withMaskedNotes(acceptedSettings(context.body.parse(securitySettingsSchema)));
        if (settings.timeZone !== state.timeZone) await this.requireZone(settings.timeZone);
        await this.requireScopes(settings.activityMonitoring.limits);
        refuseLockOut(settings, { ip: context.caller.ip, isAdmin: context.principal.isAdmin });
        return {
          events: securitySettingsAggregate.decide({ type: 'change', settings }, state),
          ...naming(rolesNamed(settings.activityMonitoring.limits)),
        };
      });
    return whileTheyStand(change);
  }

  /** The gate computes days in the database, whose zones are not all of JavaScript's. */
  private async requireZone(name: string): Promise<void> {
    const found = await this.pool.query('SELECT 1 FROM pg_timezone_names WHERE name = $1', [name]);
    if (found.rowCount === 0) refuseField('validation-failed', 'timeZone', 'No such IANA time zone');
  }

  /** A limit on somebody who does not exist would be a limit on nobody. */
  private async requireScopes(limits: readonly Limit[]): Promise<void> {
    for (const [index, { scope }] of limits.entries()) {
      if ('userIds' in scope)
        await this.requireAll('read.users', scope.userIds, `activityMonitoring.limits.${index}.scope.userIds`);
      if ('roleIds' in scope)
        await this.requireAll('read.roles', scope.roleIds, `activityMonitoring.limits.${index}.scope.roleIds`);
    }
  }

  private async requireAll(table: 'read.users' | 'read.roles', ids: readonly string[], path: string): Promise<void> {
    const unique = [...new Set(ids)];
    const found = await this.pool.query(`SELECT 1 FROM ${table} WHERE id = ANY($1::uuid[])`, [unique]);
    if (found.rowCount !== unique.length) refuseField('unknown-reference', path, 'Not all of them exist');
  }
}

const rolesNamed = (limits: readonly Limit[]): readonly string[] => [
  ...new Set(limits.flatMap(({ scope }) => ('roleIds' in scope ? scope.roleIds : []))),
];

/** A note is free text: a number in it is masked, in the region that the settings themselves name. */
function withMaskedNotes(settings: SecuritySettings): SecuritySettings {
  const entries = settings.ipAllowList.entries.map(({ cidr, note }) => ({ cidr, note: maskText(note, settings.defaultRegion) }));
  return { ...settings, ipAllowList: { ...settings.ipAllowList, entries } };
}
