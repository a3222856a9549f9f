import { Module } from '@nestjs/common';
import { CommandShell } from '../commands/command-shell.js';
import { Gate } from '../commands/gate.js';
import { LogModule } from '../log/log.module.js';
import {
  RevealCompanyEmail,
  RevealCompanyEmailHandler,
  RevealCompanyPhone,
  RevealCompanyPhoneHandler,
  RevealContactEmail,
  RevealContactEmailHandler,
  RevealContactPhone,
  RevealContactPhoneHandler,
  Reveals,
} from './reveals.handlers.js';

/** The commands of this feature by the names they have on the wire. */
export const REVEAL_COMMANDS = { RevealContactPhone, RevealContactEmail, RevealCompanyPhone, RevealCompanyEmail };

@Module({
  imports: [LogModule],
  providers: [
    { provide: Reveals, inject: [CommandShell, Gate], useFactory: (shell: CommandShell, gate: Gate) => new Reveals(shell, gate) },
    RevealContactPhoneHandler,
    RevealContactEmailHandler,
    RevealCompanyPhoneHandler,
    RevealCompanyEmailHandler,
  ],
})
export class RevealsModule {}
