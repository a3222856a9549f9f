import type { Pool } from 'pg';
import type { Statement } from '#event-store';
import { newDataKey, type KeyWrapper } from '#privacy';

/** Unwrapped keys kept in memory at most; the oldest used go first. */
const CACHED_KEYS = 10_000;

/** A key that is about to be used: with the statement that stores it when it is new. */
export interface OwnedKey {
  readonly key: Buffer;
  readonly statements: readonly Statement[];
}

/**
 * The key vault: one AES-256 data key for each owner (a stream), wrapped by the key-encryption key. A key that is gone was
 * destroyed, and what it sealed stays closed.
 */
export class DataKeys {
  private readonly cache = new Map<string, Buffer>();

  constructor(
    private readonly pool: Pool,
    private readonly wrapper: KeyWrapper,
  ) {}

  /** The owner's key, or undefined when he has none (any more). */
  async find(owner: string): Promise<Buffer | undefined> {
    const cached = this.cache.get(owner);
    if (cached !== undefined) {
      this.remember(owner, cached);
      return cached;
    }
    const result = await this.pool.query<{ wrapped: Buffer }>({
      name: 'vault-find-key',
      text: 'SELECT wrapped FROM vault.keys WHERE owner = $1',
      values: [owner],
    });
    const row = result.rows[0];
    if (row === undefined) return undefined;
    const key = this.wrapper.unwrap(row.wrapped, owner);
    this.remember(owner, key);
    return key;
  }

  /** A fresh key for a new owner; it exists once the statement is committed with the first append. */
  create(owner: string): OwnedKey {
    const key = newDataKey();
    const row = [owner, this.wrapper.wrap(key, owner)];
    return {
      key,
      statements: [
        {
          name: 'vault-create-key',
          text: 'INSERT INTO vault.keys (owner, wrapped) VALUES ($1, $2)',
          values: row,
          shared: {
            name: 'vault-create-keys',
            text: 'INSERT INTO vault.keys (owner, wrapped) SELECT k.owner, k.wrapped FROM unnest($1::text[], $2::bytea[]) AS k(owner, wrapped)',
            rows: [row],
          },
        },
      ],
    };
  }

  /** Drops what is remembered of a stream's keys: they were destroyed. */
  forget(stream: string): void {
    for (const owner of this.cache.keys()) if (owner === stream || owner.startsWith(`${stream}#`)) this.cache.delete(owner);
  }

  /** Looks anew with which key-encryption key to wrap. */
  refresh(): void {
    this.wrapper.refresh();
  }

  private remember(owner: string, key: Buffer): void {
    this.cache.delete(owner);
    this.cache.set(owner, key);
    const oldest = this.cache.keys().next();
    if (this.cache.size > CACHED_KEYS && !oldest.done) this.cache.delete(oldest.value);
  }
}
