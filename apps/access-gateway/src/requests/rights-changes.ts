import type { GatewayDatabase } from '../database/gateway-database.js';

/** Streams that are open end within a second after what let them in is taken away (access.md "The IP allow-list"). */
const LOOK_EVERY_MS = 400;

/**
 * Tells what is open that rights, people, roles or settings changed: one small statement for all, broker or no broker. Requests need
 * it not, they see the version themselves.
 */
export class RightsChanges {
  constructor(private readonly database: GatewayDatabase) {}

  /**
   * Calls `onChange` after each change, and once when something is open after nothing was: what changed between its opening and the
   * first look is not known. Gives back what ends it.
   */
  follow(isAnythingOpen: () => boolean, onChange: () => void): () => void {
    let seen: number | undefined;
    let isLooking = false;
    const look = async (): Promise<void> => {
      if (!isAnythingOpen()) seen = undefined;
      if (isLooking || !isAnythingOpen()) return;
      isLooking = true;
      try {
        const version = await this.version();
        if (version !== seen) onChange();
        seen = version;
      } catch {
        // The database is away: nothing can be decided, and nothing is sent before it is. The next look tells.
        seen = undefined;
      } finally {
        isLooking = false;
      }
    };
    const timer = setInterval(() => void look(), LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }

  private async version(): Promise<number | undefined> {
    const text = 'SELECT authz_version AS version FROM read.security';
    const [row] = await this.database.query<{ version: number }>('authz-version', text, []);
    return row?.version;
  }
}
