import { kekIdOf, localKeyWrapper, wrappedWith, type KeyWrapper } from '#privacy';

/** Key-encryption keys as they are given now: one wraps, all open. */
export interface KeyEncryptionKeys {
  readonly current: Buffer;
  /** While a rotation runs: the key before. */
  readonly previous?: Buffer;
}

/** Wrappings made before ids were derived from keys carry the place where the key came from; any key may be theirs. */
const PLACES = ['file', 'given'] as const;

/** The ids that wrappings of a key may carry. */
export const idsOf = (kek: Buffer): readonly string[] => [kekIdOf(kek), ...PLACES];

/**
 * Wraps with the current key-encryption key and opens with the one before it too. A wrapping that none of them opens sends it back
 * to `read`: a rotation may have begun meanwhile.
 */
export class KeyRing implements KeyWrapper {
  #keys!: KeyEncryptionKeys;
  #current!: KeyWrapper;
  #opening!: readonly KeyWrapper[];

  /** Throws what `read` throws. */
  constructor(private readonly read: () => KeyEncryptionKeys) {
    this.refresh();
  }

  /** As last read. */
  get keys(): KeyEncryptionKeys {
    return this.#keys;
  }

  get kekId(): string {
    return this.#current.kekId;
  }

  refresh(): void {
    this.#keys = this.read();
    const { current, previous } = this.#keys;
    this.#current = localKeyWrapper(current, kekIdOf(current));
    const keys = previous === undefined ? [current] : [current, previous];
    this.#opening = keys.flatMap((key) => idsOf(key).map((id) => localKeyWrapper(key, id)));
  }

  wrap(dataKey: Buffer, keyOwnerId: string): Buffer {
    return this.#current.wrap(dataKey, keyOwnerId);
  }

  unwrap(wrapped: Uint8Array, keyOwnerId: string): Buffer {
    const opened = this.#open(wrapped, keyOwnerId);
    if (opened !== undefined) return opened;
    this.refresh();
    const openedNow = this.#open(wrapped, keyOwnerId);
    if (openedNow === undefined) throw new Error('no key-encryption key of this installation opens the data key');
    return openedNow;
  }

  #open(wrapped: Uint8Array, keyOwnerId: string): Buffer | undefined {
    const id = wrappedWith(wrapped);
    for (const wrapper of this.#opening) {
      if (wrapper.kekId !== id) continue;
      try {
        return wrapper.unwrap(wrapped, keyOwnerId);
      } catch {
        // Of the keys that share an id of old only one is the right one.
      }
    }
    return undefined;
  }
}
