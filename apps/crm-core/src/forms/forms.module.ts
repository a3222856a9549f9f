import { Module } from '@nestjs/common';
import type { Pool } from 'pg';
import { CORE_POOL } from '../log/log.module.js';
import { RecordReferences } from '../records/record-references.js';
import { FormChanges } from './form-changes.js';
import { ChangeForm, ChangeFormHandler, CreateForm, CreateFormHandler, FormReferences } from './forms.handlers.js';

export const FORM_COMMANDS = { CreateForm, ChangeForm };

@Module({
  providers: [
    FormChanges,
    {
      provide: FormReferences,
      inject: [CORE_POOL, RecordReferences],
      useFactory: (pool: Pool, references: RecordReferences) => new FormReferences(pool, references),
    },
    CreateFormHandler,
    ChangeFormHandler,
  ],
  exports: [FormChanges],
})
export class FormsModule {}
