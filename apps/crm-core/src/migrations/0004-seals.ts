import { sql, type Kysely, type Migration } from 'kysely';

/** The audit trail as the gateway shows it: newest first, of one person, of one type. */
async function trail(db: Kysely<never>): Promise<void> {
  await sql`
    CREATE TABLE read.audit (
      id uuid PRIMARY KEY,
      at timestamptz NOT NULL,
      type text NOT NULL,
      actor_id uuid,
      ip text,
      details jsonb NOT NULL
    )`.execute(db);
  await sql`CREATE INDEX audit_newest ON read.audit (at DESC, id DESC)`.execute(db);
  await sql`CREATE INDEX audit_actor ON read.audit (actor_id, at DESC, id DESC)`.execute(db);
  await sql`CREATE INDEX audit_type ON read.audit (type, at DESC, id DESC)`.execute(db);
}

/** One row for each seal: which events in which order, their hashes (32 bytes each, one after the other), and the signed head. */
async function seals(db: Kysely<never>): Promise<void> {
  await sql`
    CREATE TABLE es.seals (
      number bigint PRIMARY KEY CHECK (number > 0),
      first_tx xid8 NOT NULL,
      first_seq bigint NOT NULL,
      last_tx xid8 NOT NULL,
      last_seq bigint NOT NULL,
      event_ids uuid[] NOT NULL CHECK (cardinality(event_ids) > 0),
      event_hashes bytea NOT NULL CHECK (length(event_hashes) = 32 * cardinality(event_ids)),
      total bigint NOT NULL,
      root bytea NOT NULL CHECK (length(root) = 32),
      previous_head bytea NOT NULL CHECK (length(previous_head) = 32),
      head bytea NOT NULL UNIQUE CHECK (length(head) = 32),
      signature bytea NOT NULL,
      key_id text NOT NULL,
      sealed_at timestamptz NOT NULL
    )`.execute(db);
}

/** What is in the log stays as it is, whoever runs as core: its own role gives the right to change rows away. */
async function appendOnly(db: Kysely<never>): Promise<void> {
  await sql`REVOKE UPDATE, DELETE, TRUNCATE ON es.events, es.seals FROM CURRENT_USER`.execute(db);
}

export const seals0004: Migration = {
  async up(db: Kysely<never>) {
    await trail(db);
    await seals(db);
    await appendOnly(db);
  },
};
