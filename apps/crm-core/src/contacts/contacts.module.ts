import { Module } from '@nestjs/common';
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

/** The commands of this feature by the names they have on the wire. */
export const CONTACT_COMMANDS = { CreateContact, ChangeContact, AssignContact, DeleteContact, RestoreContact };

@Module({
  imports: [LogModule],
  providers: [CreateContactHandler, ChangeContactHandler, AssignContactHandler, DeleteContactHandler, RestoreContactHandler],
})
export class ContactsModule {}
