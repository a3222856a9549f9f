import { STREAMS, leadReceivedSchema } from '#contracts';
import { consumeFacts, type Broker, type Consumption } from '#messaging';
import { isUnavailable, type Logger } from '#platform';
import type { LeadIntake } from './lead-intake.js';

/** Leads handled at a time over all cores. */
const MAX_IN_HAND = 16;

/** Takes leads from the broker. What fails 5 times is set aside with a code; the others pass. */
export function consumeLeads(options: {
  readonly broker: Broker;
  readonly logger: Logger;
  readonly intake: LeadIntake;
}): Consumption {
  const { broker, logger, intake } = options;
  return consumeFacts({
    broker,
    stream: STREAMS.leads.name,
    durable: 'core-leads',
    maxAckPending: MAX_IN_HAND,
    isOutage: isUnavailable,
    // What core has is in the log, under a key that an erasure destroys; what core's own key opens must not lie on beside it.
    erasesDone: true,
    onFact: async ({ payload }) => intake.process(leadReceivedSchema.parse(payload)),
    onPoison: async ({ payload, msgId }, reason) => {
      logger.error('lead set aside', { msgId, reason });
      const received = leadReceivedSchema.safeParse(payload);
      if (received.success) await intake.setAside(received.data, reason);
    },
  });
}
