import type { MonitoredUser } from '#contracts';

/** How people stood when their readers were last told; finds who stands otherwise now. */
export class KnownUsers {
  readonly #known = new Map<string, string>();

  /** Forgets everybody. */
  clear(): void {
    this.#known.clear();
  }

  /**
   * Of these the ones who stand otherwise than they are known to, at most `most`; the others are found again the next time. One who
   * is not known yet is changed only where `unknownAreChanged`.
   */
  changed(users: readonly MonitoredUser[], most: number, unknownAreChanged: boolean): readonly MonitoredUser[] {
    const changed: MonitoredUser[] = [];
    for (const user of users) {
      const before = this.#known.get(user.userId);
      const now = standingOf(user);
      if (before === now) continue;
      if (before !== undefined || unknownAreChanged) {
        if (changed.length === most) continue;
        changed.push(user);
      }
      this.#known.set(user.userId, now);
    }
    return changed;
  }
}

/** What is compared. Not since when is counted: in a rolling window that moves with every look. */
function standingOf({ name, state, measures }: MonitoredUser): string {
  return JSON.stringify([name, state, measures.map(({ since: _since, ...count }) => count)]);
}
