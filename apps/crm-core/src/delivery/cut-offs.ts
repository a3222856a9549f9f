import { SUBJECTS, STREAMS, userDeactivatedSchema, type CutoffApplied, type Heartbeat } from '#contracts';
import { consumeFacts, publishFact, type Broker, type Consumption } from '#messaging';
import { isUnavailable, type Logger } from '#platform';
import type { UserDeactivatedFact } from '#contracts';
import type { Sealer } from '../seals/sealer.js';

/** Consumes `user.deactivated`, records it in the person's stream, and confirms. */
export function consumeCutOffs(options: {
  readonly broker: Broker;
  readonly instance: string;
  readonly logger: Logger;
  /** The database's time, as that of the refusal is. */
  readonly now: () => Date;
  /** False: the gate holds nobody of whom the fact tells. */
  readonly record: (fact: UserDeactivatedFact) => Promise<boolean>;
}): Consumption {
  const { broker, instance, logger, now, record } = options;
  return consumeFacts({
    broker,
    stream: STREAMS.access.name,
    durable: 'core-deactivations',
    filterSubject: SUBJECTS.userDeactivated,
    maxAckPending: 16,
    isOutage: isUnavailable,
    onFact: async ({ payload }) => {
      const fact = userDeactivatedSchema.parse(payload);
      if (!(await record(fact))) {
        logger.error('a cut-off of somebody whom the gate does not hold was told of', { deactivationId: fact.id });
        return;
      }
      const applied: CutoffApplied = { deactivationId: fact.id, service: 'crm-core', instance, at: now().toISOString() };
      await publishFact(broker, SUBJECTS.cutoffApplied, `${fact.id}:core`, applied);
    },
    onPoison: (fact, reason) => {
      logger.error('deactivation set aside', { msgId: fact.msgId, reason });
      return Promise.resolve();
    },
  });
}

/** Says once a second that this core is here and will confirm cut-offs, and how it stands with the seals where it makes them. */
export function beatHeart(broker: Broker, instance: string, sealer: Pick<Sealer, 'standing'>, logger: Logger): NodeJS.Timeout {
  return setInterval(() => {
    if (!broker.isConnected) return;
    broker
      .connection()
      .then((connection) => {
        const beat: Heartbeat = { service: 'crm-core', instance, sealing: sealer.standing };
        connection.publish(SUBJECTS.heartbeat('crm-core'), JSON.stringify(beat));
      })
      .catch((error: unknown) => logger.debug('no heartbeat', { error }));
  }, 1_000);
}
