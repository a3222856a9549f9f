import { z } from 'zod';
import { isUuid } from '#kernel';
import { RECORD_TYPES } from '#policy';
import { CUSTOM_FIELD_TYPES } from './custom-field.events.js';

/** Fields that one kind of record may have, and choices that one field may have; lengths in characters. */
export const CUSTOM_FIELD_LIMITS = { fields: 100, choices: 100, name: 100, choice: 100 };

const choices = z
  .array(z.string().trim().normalize('NFC').min(1).max(CUSTOM_FIELD_LIMITS.choice))
  .min(1)
  .max(CUSTOM_FIELD_LIMITS.choices);

/** `POST /v1/custom-fields`. Choices belong to a `choice` and to nothing else. */
export const defineCustomFieldBody = z
  .strictObject({
    recordType: z.enum(RECORD_TYPES),
    // A name that is an id could not be told from one in the bodies of records.
    name: z
      .string()
      .trim()
      .normalize('NFC')
      .min(1)
      .max(CUSTOM_FIELD_LIMITS.name)
      .refine((name) => !isUuid(name.toLowerCase())),
    type: z.enum(CUSTOM_FIELD_TYPES),
    choices: choices.optional(),
  })
  .refine(({ type, choices: given }) => (type === 'choice') === (given !== undefined), { path: ['choices'] });
