import { z } from 'zod';
import { limitSchema } from './security-settings.js';

/** `monitor.query.Suggestions` {} → limits that would have cut off nobody (docs/monitoring.md, "Suggested limits"). */
export const suggestionsQuerySchema = z.strictObject({});

/** A limit as it can be put into the settings, with what it is made of. */
export const suggestionSchema = z.strictObject({
  limit: limitSchema,
  seen: z.strictObject({
    /** The most that anybody of the scope had within one window, and who. */
    max: z.int(),
    userId: z.uuid(),
    /** The most that anybody else had. */
    nextMax: z.int(),
    /** The middle of what each person had at most. */
    median: z.number(),
    /** People of the scope who did it at all. */
    people: z.int(),
  }),
  /** One person had more than twice what anybody else had: look at him before the limit is made as wide as that. */
  standsOut: z.boolean(),
  message: z.string(),
});
export type Suggestion = z.infer<typeof suggestionSchema>;

export const suggestionsSchema = z.strictObject({
  /** The period looked at: 28 days, or since the first disclosure. */
  from: z.iso.datetime(),
  to: z.iso.datetime(),
  days: z.int(),
  windowing: z.enum(['rolling', 'calendar']),
  counting: z.enum(['distinct', 'opens']),
  items: z.array(suggestionSchema),
});
export type Suggestions = z.infer<typeof suggestionsSchema>;
export type SuggestionsReply = { readonly ok: true } & Suggestions;
