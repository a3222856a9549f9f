import { z } from 'zod';
import { RECORD_LIMITS } from '../../records/record-bodies.js';

/** `POST /v1/lookups/phone`. */
export const lookUpBody = z.strictObject({ number: z.string().max(RECORD_LIMITS.number) });
