/** What came back to one request, and when it was sent. */
export interface ScrapeOutcome {
  readonly contactId: string;
  /** Milliseconds on the monotonic clock. */
  readonly sentAt: number;
  readonly status: number;
  /** Of a problem; empty on a card. */
  readonly code: string;
}

/** What the scraper has got so far. */
export class ScrapingTally {
  readonly distinct = new Set<string>();
  /** How often each refusal came, by status and code. */
  readonly refusals = new Map<string, number>();
  served = 0;
  /** Requests that may have been admitted and brought no card: no answer, or 503, before the refusal. */
  undelivered = 0;
  /** Cards that came to requests sent after the first refusal had arrived. There may be none. */
  servedAfterRefusal = 0;
  /** Requests sent after the alarm had arrived, by status. */
  readonly afterAlarm = new Map<number, number>();
  firstRefusalAt: number | undefined;
  firstSignedOutAt: number | undefined;
  alarmAt: number | undefined;

  /** Requests answered. */
  get answered(): number {
    return this.served + [...this.refusals.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Takes an answer that arrived at `now` (monotonic clock). */
  add({ contactId, sentAt, status, code }: ScrapeOutcome, now: number): void {
    if (this.alarmAt !== undefined && sentAt > this.alarmAt) this.afterAlarm.set(status, (this.afterAlarm.get(status) ?? 0) + 1);
    if (status === 200) {
      this.served += 1;
      this.distinct.add(contactId);
      if (this.firstRefusalAt !== undefined && sentAt > this.firstRefusalAt) this.servedAfterRefusal += 1;
      return;
    }
    if (status === 503) this.addUndelivered(sentAt);
    const kind = `${status} ${code}`.trim();
    this.refusals.set(kind, (this.refusals.get(kind) ?? 0) + 1);
    if (status === 403) this.firstRefusalAt ??= now;
    if (status === 401) this.firstSignedOutAt ??= now;
  }

  /** A request sent at that time (monotonic clock) brought nothing that says whether it was admitted. */
  addUndelivered(sentAt: number): void {
    if (this.firstRefusalAt === undefined || sentAt < this.firstRefusalAt) this.undelivered += 1;
  }

  /** One line for the terminal. */
  line(): string {
    const refused = [...this.refusals].map(([kind, count]) => `${count} × ${kind}`).join(', ');
    return `cards served ${this.served}, distinct ${this.distinct.size}${refused === '' ? '' : `, refused ${refused}`}`;
  }
}
