import type { Pool } from 'pg';
import { Subscription, type EventStore, type StoredEvent } from '#event-store';
import { lastMessageId, provisionStreams, publishFacts, type Broker, type OutgoingFact } from '#messaging';
import { STREAMS } from '#contracts';
import { holdLeadership, type Leadership, type Logger } from '#platform';
import type { CoreConfig } from '../config.js';
import type { CrmLog } from '../log/crm-log.js';
import { factOf } from './facts.js';
import { STREAM_DEFINITIONS } from './streams.js';

/**
 * Publishes the log to the stream CRM, in commit order, by one core at a time. A stream made anew (a wiped broker) is filled from the
 * beginning; the event id as message id drops what is there already.
 */
export class Relay {
  private leadership: Leadership | undefined;
  private subscription: Subscription | undefined;
  /** True when the stream ends where the last batch of this relay ended. */
  private knowsTail = false;

  constructor(
    private readonly config: CoreConfig,
    private readonly pool: Pool,
    private readonly store: EventStore,
    private readonly log: CrmLog,
    private readonly broker: Broker,
    private readonly logger: Logger,
  ) {}

  start(): void {
    this.log.onAppended(() => this.subscription?.wake());
    this.leadership = holdLeadership({
      databaseUrl: this.config.databaseUrl,
      name: 'crm-relay',
      logger: this.logger,
      onAcquired: (signal) => this.run(signal),
    });
  }

  async stop(): Promise<void> {
    await this.leadership?.stop();
  }

  private async run(signal: AbortSignal): Promise<void> {
    this.knowsTail = false;
    this.subscription = new Subscription({
      name: 'relay',
      store: this.store,
      pool: this.pool,
      incarnation: () => this.streamCreatedAt(),
      handle: (events) => this.publish(events),
      onError: (error) => this.logger.warn('relay waits', { error }),
    });
    await this.subscription.run(signal);
  }

  /** Publishes a batch and answers how many of it the stream has for good, whether by this call or by one that was cut short. */
  private async publish(events: readonly StoredEvent[]): Promise<number> {
    const facts = events.map(factOf);
    const before = this.knowsTail ? 0 : await this.publishedBefore(facts);
    this.knowsTail = false;
    const options = { expectedStream: STREAMS.crm.name, chained: true };
    const done = before + (await publishFacts(this.broker, facts.slice(before), options));
    this.knowsTail = done === facts.length;
    return done;
  }

  /** The broker forgets ids after a while, and an outage may last longer: the stream's last message tells how far it came. */
  private async publishedBefore(facts: readonly OutgoingFact[]): Promise<number> {
    const lastId = await lastMessageId(this.broker, STREAMS.crm.name);
    return facts.findIndex(({ msgId }) => msgId === lastId) + 1;
  }

  private async streamCreatedAt(): Promise<string> {
    const provisioned = await provisionStreams(
      this.broker,
      STREAM_DEFINITIONS.filter(({ name }) => name === STREAMS.crm.name),
    );
    return provisioned[0]?.createdAt ?? '';
  }
}
