import { z } from 'zod';

/** `POST …/phones/:phoneId/reveal` and `…/emails/:emailId/reveal`. */
export const revealBody = z.strictObject({ reason: z.string().trim().min(3).max(500) });
