import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { Secret } from '#kernel';
import { open, seal } from '#privacy';

const KEY_BYTES = 32;
const SECRET_BYTES = 32;

/** Where a webhook goes and what its messages are signed with. */
export interface WebhookTarget {
  readonly url: string;
  readonly secret: Secret<string>;
}

/** What webhooks are sealed with: a key derived from the gateways' key, which is not in the database. A URL may hold a password too. */
export class WebhookKeys {
  readonly #sealing: Buffer;
  readonly #hashing: Buffer;

  /** Throws a RangeError on a key that has not 32 bytes. */
  constructor(key: Buffer) {
    if (key.length !== KEY_BYTES) throw new RangeError('the key of the gateways must be 32 bytes');
    this.#sealing = derived(key, 'targets');
    this.#hashing = derived(key, 'requests');
  }

  /** To be opened for this webhook only. */
  seal(webhookId: string, { url, secret }: WebhookTarget): string {
    return seal(this.#sealing, [url, secret.expose()], placeOf(webhookId));
  }

  /** Throws an Error, which says nothing of the content, for another webhook or under another key. */
  open(webhookId: string, sealed: string): WebhookTarget {
    const [url, secret] = open(this.#sealing, sealed, placeOf(webhookId)) as [string, string];
    return { url, secret: new Secret(secret) };
  }

  /** What is kept of a request, to know its repeat. */
  hmacOf(request: string): Buffer {
    return createHmac('sha256', this.#hashing).update(request).digest();
  }
}

/** A secret that nobody guesses, told from other secrets by how it begins. */
export function newWebhookSecret(): Secret<string> {
  return new Secret(`whsec_${randomBytes(SECRET_BYTES).toString('base64url')}`);
}

function placeOf(webhookId: string): string {
  return `webhook|${webhookId}`;
}

function derived(key: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), `palisade webhook ${purpose}`, KEY_BYTES));
}
