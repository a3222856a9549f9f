import { z } from 'zod';
import { callerSchema, type RefusalReply } from './commands.js';

/**
 * `crm.query.Explain`: whether a person may do something to a record, and why; now (`at` null) or at a moment of the past, from the
 * log. Asked by those with `audit.view`. Refused `not-found` for a person or record that never was.
 */
export const explainQuerySchema = z.strictObject({
  requestId: z.uuid(),
  caller: callerSchema,
  userId: z.uuid(),
  recordType: z.enum(['contact', 'company', 'deal']),
  /** An action of the record type, as roles name it. */
  action: z.string().max(40),
  recordId: z.uuid(),
  at: z.iso.datetime({ offset: true }).nullable(),
});
export type ExplainQuery = z.infer<typeof explainQuerySchema>;

/** `because` names roles and departments by their ids, and nobody by his name. */
export interface Explanation {
  readonly decision: 'allowed' | 'refused';
  readonly level: 'forbidden' | 'responsible' | 'group' | 'allowed';
  readonly because: readonly string[];
}
export type ExplainReply = ({ readonly ok: true } & Explanation) | RefusalReply;
