import type { Pool } from 'pg';
import { Subscription, type EventStore } from '#event-store';
import { provisionStreams, publishFacts, type Broker } from '#messaging';
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
    this.subscription = new Subscription({
      name: 'relay',
      store: this.store,
      pool: this.pool,
      incarnation: () => this.streamCreatedAt(),
      handle: async (events) =>
        publishFacts(this.broker, events.map(factOf), { expectedStream: STREAMS.crm.name, chained: true }),
      onError: (error) => this.logger.warn('relay waits', { error }),
    });
    await this.subscription.run(signal);
  }

  private async streamCreatedAt(): Promise<string> {
    const provisioned = await provisionStreams(
      this.broker,
      STREAM_DEFINITIONS.filter(({ name }) => name === STREAMS.crm.name),
    );
    return provisioned[0]?.createdAt ?? '';
  }
}
