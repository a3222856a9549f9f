import { Module } from '@nestjs/common';
import { LeadsModule } from '../leads/leads.module.js';
import { LogModule } from '../log/log.module.js';
import {
  AssignContact,
  AssignContactHandler,
  ChangeContact,
  ChangeContactHandler,
  CreateContact,
  CreateContactHandler,
  DeleteContact,
  DeleteContactHandler,
  RestoreContact,
  RestoreContactHandler,
} from './contacts.handlers.js';

import { EraseContact, EraseContactHandler } from './erase-contact.handler.js';

/** The commands of this feature by the names they have on the wire. */
export const CONTACT_COMMANDS = { CreateContact, ChangeContact, AssignContact, DeleteContact, RestoreContact, EraseContact };

@Module({
  imports: [LogModule, LeadsModule],
  providers: [
    CreateContactHandler,
    ChangeContactHandler,
    AssignContactHandler,
    DeleteContactHandler,
    RestoreContactHandler,
    EraseContactHandler,
  ],
})
export class ContactsModule {}
