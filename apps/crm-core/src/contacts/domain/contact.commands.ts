import { z } from 'zod';
import { emailList, nameText, customFieldMap, noteText, phoneList, tagList } from '../../records/record-bodies.js';

const contactFields = {
  name: nameText,
  phones: phoneList,
  emails: emailList,
  companyId: z.uuid().toLowerCase().nullable(),
  note: noteText,
  tags: tagList,
  customFields: customFieldMap,
};

/** `POST /v1/contacts`. `responsibleId` left out: the creator; null: nobody. */
export const createContactBody = z.strictObject({
  ...contactFields,
  phones: phoneList.default([]),
  emails: emailList.default([]),
  companyId: contactFields.companyId.default(null),
  note: noteText.default(null),
  tags: tagList.default([]),
  customFields: customFieldMap.default({}),
  responsibleId: z.uuid().toLowerCase().nullable().optional(),
});

/** `PATCH /v1/contacts/:id`. A change of `responsibleId` here takes the right to assign as well. */
export const changeContactBody = z.strictObject({ ...contactFields, responsibleId: z.uuid().toLowerCase().nullable() }).partial();

/** `POST /v1/contacts/:id/erase`. `requestRef`: the number of the person's request, or the like. */
export const eraseContactBody = z.strictObject({
  reason: z.string().trim().min(3).max(500),
  requestRef: z.string().trim().min(1).max(200).nullable().default(null),
});
