import { z } from 'zod';

/** RFC 5321 length; the form is judged loosely, for the address only signs in. */
const email = z
  .string()
  .trim()
  .normalize('NFC')
  .max(254)
  .regex(/^[^\s@]+@[^\s@]+$/);
const name = z.string().trim().normalize('NFC').min(1).max(200);
const fields = {
  email,
  name,
  roleIds: z.array(z.uuid().toLowerCase()).max(100),
  departmentId: z.uuid().toLowerCase().nullable(),
  isAdmin: z.boolean(),
};

export const createUserBody = z.strictObject({
  ...fields,
  roleIds: fields.roleIds.default([]),
  departmentId: fields.departmentId.default(null),
  isAdmin: fields.isAdmin.default(false),
});
export const changeUserBody = z.strictObject(fields).partial();
export const firstAdministratorBody = z.strictObject({ email, name });
export const reasonBody = z.strictObject({ reason: z.string().trim().min(3).max(500) });
