import { z } from 'zod';
import { emailList, lineText, nameText, customFieldMap, noteText, phoneList, tagList } from '../../records/record-bodies.js';

/** Ids are compared as texts, so they are kept as PostgreSQL writes them: in lower case. */
const responsibleId = z.uuid().toLowerCase().nullable();

const companyFields = {
  name: nameText,
  phones: phoneList,
  emails: emailList,
  website: lineText,
  address: lineText,
  note: noteText,
  tags: tagList,
  customFields: customFieldMap,
};

/** `POST /v1/companies`. `responsibleId` left out: the creator; null: nobody. */
export const createCompanyBody = z.strictObject({
  ...companyFields,
  phones: phoneList.default([]),
  emails: emailList.default([]),
  website: lineText.default(null),
  address: lineText.default(null),
  note: noteText.default(null),
  tags: tagList.default([]),
  customFields: customFieldMap.default({}),
  responsibleId: responsibleId.optional(),
});

/** `PATCH /v1/companies/:id`. A change of `responsibleId` here takes the right to assign as well. */
export const changeCompanyBody = z.strictObject({ ...companyFields, responsibleId }).partial();
