import { Module } from '@nestjs/common';
import type { Pool } from 'pg';
import { CORE_POOL, LogModule } from '../log/log.module.js';
import { CompaniesByName } from './companies-by-name.js';
import { ImportContacts, ImportContactsHandler } from './import-contacts.handler.js';

/** The commands of this feature by the names they have on the wire. */
export const IMPORT_COMMANDS = { ImportContacts };

@Module({
  imports: [LogModule],
  providers: [
    ImportContactsHandler,
    { provide: CompaniesByName, inject: [CORE_POOL], useFactory: (pool: Pool) => new CompaniesByName(pool) },
  ],
})
export class ImportsModule {}
