import { Module } from '@nestjs/common';
import {
  DefineCustomField,
  DefineCustomFieldHandler,
  DeleteCustomField,
  DeleteCustomFieldHandler,
} from './custom-fields.handlers.js';

/** The commands of this feature by the names they have on the wire. */
export const CUSTOM_FIELD_COMMANDS = { DefineCustomField, DeleteCustomField };

@Module({ providers: [DefineCustomFieldHandler, DeleteCustomFieldHandler] })
export class CustomFieldsModule {}
