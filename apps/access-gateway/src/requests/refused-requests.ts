import { sql } from 'kysely';
import { isUnavailable, type Logger } from '#platform';
import type { GatewayDatabase } from '../database/gateway-database.js';

const WRITE_EVERY_MS = 1_000;
const TIDY_EVERY_WRITES = 60;
/** People counted between two writes; whoever is above that is not counted then. */
const MOST_PEOPLE = 10_000;
/** Far longer than the monitor looks back. */
const KEPT = '3 hours';

/**
 * How often people were refused, or asked for what is not there: by second, for all gateways together, for the monitor to raise an alarm
 * about. Written once a second, so that whoever hammers costs no more than one row.
 */
export class RefusedRequests {
  #counts = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #writes = 0;

  constructor(
    private readonly database: GatewayDatabase,
    private readonly logger: Logger,
  ) {}

  start(): void {
    this.#timer = setInterval(() => (this.#writing = this.#writing.then(() => this.#write())), WRITE_EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
    await this.#write();
  }

  count(userId: string): void {
    if (this.#counts.size >= MOST_PEOPLE && !this.#counts.has(userId)) return;
    this.#counts.set(userId, (this.#counts.get(userId) ?? 0) + 1);
  }

  /** What cannot be written is counted again the next time. Does not throw. */
  async #write(): Promise<void> {
    if (this.#counts.size === 0) return;
    const counts = this.#counts;
    this.#counts = new Map();
    try {
      // In one order, so that two gateways cannot wait for each other.
      await sql`
        INSERT INTO access.refused_requests AS r (user_id, second, count)
        SELECT c.user_id, date_trunc('second', clock_timestamp()), c.count
        FROM unnest(${[...counts.keys()]}::uuid[], ${[...counts.values()]}::integer[]) AS c(user_id, count) ORDER BY c.user_id
        ON CONFLICT (user_id, second) DO UPDATE SET count = r.count + excluded.count`.execute(this.database.db);
    } catch (error) {
      for (const [userId, count] of counts) this.#counts.set(userId, (this.#counts.get(userId) ?? 0) + count);
      this.#report(error);
    }
    this.#writes += 1;
    if (this.#writes % TIDY_EVERY_WRITES === 1) await this.#tidy().catch((error: unknown) => this.#report(error));
  }

  async #tidy(): Promise<void> {
    const { db } = this.database;
    await sql`DELETE FROM access.refused_requests WHERE second < clock_timestamp() - ${KEPT}::interval`.execute(db);
  }

  #report(error: unknown): void {
    if (!isUnavailable(error)) this.logger.error('refused requests could not be counted', { error });
  }
}
