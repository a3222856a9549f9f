import { z } from 'zod';
import { RECORD_LIMITS } from '../../records/record-bodies.js';

/** `POST /v1/telephony/incoming`. `to`: the line that was called, as the telephone system names it. */
export const incomingCallBody = z.strictObject({
  number: z.string().max(RECORD_LIMITS.number),
  to: z.string().trim().min(1).max(RECORD_LIMITS.label).nullable().default(null),
});
