/** What the spool's thread is asked, and what it answers. Only plain values: they are cloned between threads. */
export interface StoredLead {
  readonly leadId: string;
  readonly formId: string;
  /** ISO 8601, UTC. */
  readonly receivedAt: string;
  /** The JWE for core. */
  readonly sealed: string;
}

/** A lead to be stored. With an idempotency key comes the MAC of the body; without one nothing is remembered of it. */
export interface NewLead extends StoredLead {
  readonly bodyMac: Uint8Array | null;
  /** For a signed one: the signature's own receipt, by which it counts for this lead alone. */
  readonly signed: { readonly id: string; readonly mac: Uint8Array } | null;
}

export interface WaitingLead extends StoredLead {
  /** The place in the order of arrival. */
  readonly seq: number;
}

export type StoreOutcome = 'stored' | 'repeated' | 'reused';

/** The operations of the spool, by name: what goes in and what comes out. */
export interface SpoolOperations {
  readonly store: { readonly input: readonly NewLead[]; readonly output: readonly StoreOutcome[] };
  readonly waiting: {
    readonly input: { readonly afterSeq: number; readonly limit: number };
    readonly output: readonly WaitingLead[];
  };
  readonly forget: { readonly input: readonly number[]; readonly output: number };
  readonly expire: { readonly input: { readonly receivedBefore: string }; readonly output: number };
  readonly load: { readonly input: string; readonly output: Uint8Array | null };
  readonly save: { readonly input: { readonly name: string; readonly value: Uint8Array }; readonly output: null };
  readonly count: { readonly input: null; readonly output: number };
  readonly close: { readonly input: null; readonly output: null };
}
export type OperationName = keyof SpoolOperations;

export interface SpoolCall {
  readonly id: number;
  readonly name: OperationName;
  readonly input: unknown;
}

/** `full`: no space, nothing was changed. `failed`: any other fault of file or disk, nothing was changed either. */
export type SpoolFault = 'full' | 'failed';
export type SpoolReply =
  | { readonly id: number; readonly output: unknown }
  | { readonly id: number; readonly fault: SpoolFault; readonly sqliteCode: number };

export interface SpoolThreadOptions {
  readonly dir: string;
  /** The largest database file in bytes; null for as much as the disk has. */
  readonly maxBytes: number | null;
  /** Space kept aside, so that a full disk still lets the spool forget what core has. Bytes. */
  readonly reserveBytes: number;
}
