import { Module } from '@nestjs/common';
import type { Pool } from 'pg';
import { CORE_POOL, SERVICE_KEYS } from '../log/log.module.js';
import { CrmLog } from '../log/crm-log.js';
import type { ServiceKeys } from '../log/service-keys.js';
import { RecordReferences } from '../records/record-references.js';
import { FormChanges } from './form-changes.js';
import { FormReferences } from './form-references.js';
import {
  ChangeForm,
  ChangeFormHandler,
  CreateForm,
  CreateFormHandler,
  DeleteForm,
  DeleteFormHandler,
  RotateFormKey,
  RotateFormKeyHandler,
} from './forms.handlers.js';
import { IntakeForms } from './intake-forms.js';

export const FORM_COMMANDS = { CreateForm, ChangeForm, RotateFormKey, DeleteForm };

@Module({
  providers: [
    FormChanges,
    {
      provide: FormReferences,
      inject: [CORE_POOL, RecordReferences],
      useFactory: (pool: Pool, references: RecordReferences) => new FormReferences(pool, references),
    },
    {
      provide: IntakeForms,
      inject: [CORE_POOL, CrmLog, SERVICE_KEYS],
      useFactory: (pool: Pool, log: CrmLog, keys: ServiceKeys) => new IntakeForms(pool, log, keys.receiver),
    },
    CreateFormHandler,
    ChangeFormHandler,
    RotateFormKeyHandler,
    DeleteFormHandler,
  ],
  exports: [FormChanges, IntakeForms],
})
export class FormsModule {}
