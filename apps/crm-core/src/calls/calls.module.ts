import { Module } from '@nestjs/common';
import { DatabaseClock, type Logger } from '#platform';
import { CommandShell } from '../commands/command-shell.js';
import { Gate } from '../commands/gate.js';
import type { CoreConfig } from '../config.js';
import { CrmLog } from '../log/crm-log.js';
import { CORE_CONFIG, CORE_LOGGER, LogModule } from '../log/log.module.js';
import { LookupsModule } from '../lookups/lookups.module.js';
import { CallDispatcher } from './call-dispatcher.js';
import {
  CallCompany,
  CallCompanyHandler,
  CallContact,
  CallContactHandler,
  Calls,
  ReportIncomingCall,
  ReportIncomingCallHandler,
} from './calls.handlers.js';
import { HttpTelephone } from './telephony/http-telephone.js';
import { LogTelephone } from './telephony/log-telephone.js';
import type { Telephone } from './telephony/telephone.js';

/** The commands of this feature by the names they have on the wire. */
export const CALL_COMMANDS = { CallContact, CallCompany, ReportIncomingCall };

function telephoneOf({ telephony, allowPrivateTargets }: CoreConfig, logger: Logger): Telephone {
  if (telephony === undefined) return new LogTelephone(logger);
  return new HttpTelephone({ ...telephony, allowPrivate: allowPrivateTargets, logger, now: () => new Date() });
}

@Module({
  imports: [LogModule, LookupsModule],
  providers: [
    {
      provide: CallDispatcher,
      inject: [CORE_CONFIG, CrmLog, CORE_LOGGER, DatabaseClock],
      useFactory: (config: CoreConfig, log: CrmLog, logger: Logger, { now }: DatabaseClock) =>
        new CallDispatcher(telephoneOf(config, logger), log, logger, now),
    },
    {
      provide: Calls,
      inject: [CommandShell, Gate, CallDispatcher],
      useFactory: (shell: CommandShell, gate: Gate, dispatcher: CallDispatcher) => new Calls(shell, gate, dispatcher),
    },
    CallContactHandler,
    CallCompanyHandler,
    ReportIncomingCallHandler,
  ],
})
export class CallsModule {}
