import type { Pool } from 'pg';
import { VersionConflict, type EventMetadata, type Statement } from '#event-store';
import { holdLeadership, restFor, type Leadership, type Logger } from '#platform';
import type { CoreConfig } from '../config.js';
import { streamChange, type CrmLog } from '../log/crm-log.js';
import { auditAggregate } from './audit.aggregate.js';

const CHECKPOINT = 'audit-copy';
/** Entries of one append. Each takes a lock of its stream; PostgreSQL's table of locks has room for some thousands. */
const BATCH = 200;
/** A look every so often, milliseconds, when there is nothing to copy. */
const IDLE_MS = 200;
const RETRY_MS = 500;

interface AuditRow {
  readonly id: string;
  readonly at: Date;
  readonly type: string;
  readonly actor_id: string | null;
  readonly ip: string | null;
  readonly details: Readonly<Record<string, unknown>>;
  readonly tx_id: string;
  readonly position: number;
}

/** What stands after the checkpoint, in commit order, up to the oldest transaction still open: a late commit is never passed. */
const NEXT_SQL = `
  SELECT a.id, a.at, a.type, a.actor_id, a.ip, a.details, a.tx_id::text, a.position FROM access.audit AS a
  WHERE (a.tx_id, a.position) > (coalesce((SELECT c.tx_id FROM es.checkpoints c WHERE c.name = $1), '0'::xid8),
                                 coalesce((SELECT c.seq FROM es.checkpoints c WHERE c.name = $1), 0))
    AND a.tx_id < pg_snapshot_xmin(pg_current_snapshot())
  ORDER BY a.tx_id, a.position LIMIT $2`;

/** Moves forward only. Of two copiers the slower one loses on the streams of the entries, and nothing of its append stands. */
const MOVE_SQL = `
  INSERT INTO es.checkpoints AS c (name, tx_id, seq) VALUES ($1, $2::text::xid8, $3)
  ON CONFLICT (name) DO UPDATE SET tx_id = excluded.tx_id, seq = excluded.seq WHERE (c.tx_id, c.seq) < (excluded.tx_id, excluded.seq)`;

/**
 * Copies what gateways wrote to `access.audit` into the log, once each: an entry's stream is named after it and takes one event, and
 * the checkpoint moves in the transaction of the append. One core at a time does it.
 */
export class AuditCopier {
  #leadership: Leadership | undefined;

  constructor(
    private readonly config: Pick<CoreConfig, 'databaseUrl'>,
    private readonly pool: Pool,
    private readonly log: CrmLog,
    private readonly logger: Logger,
  ) {}

  start(): void {
    this.#leadership = holdLeadership({
      databaseUrl: this.config.databaseUrl,
      name: 'audit-copy',
      logger: this.logger,
      onAcquired: (signal) => this.#run(signal),
    });
  }

  async stop(): Promise<void> {
    await this.#leadership?.stop();
  }

  /** One batch; the number of entries copied. Throws as `CrmLog.append` does; then nothing was copied. */
  async step(): Promise<number> {
    const { rows } = await this.pool.query<AuditRow>({ name: 'audit-next', text: NEXT_SQL, values: [CHECKPOINT, BATCH] });
    const last = rows.at(-1);
    if (last === undefined) return 0;
    const move: Statement = { name: 'audit-move', text: MOVE_SQL, values: [CHECKPOINT, last.tx_id, last.position] };
    await this.log.appendEach(
      rows.map((row) => ({
        change: streamChange({
          ...{ aggregate: auditAggregate, id: row.id, version: 0 },
          events: auditAggregate.decide(
            { type: 'record', entry: { type: row.type, details: row.details } },
            auditAggregate.initialState,
          ),
        }),
        metadata: metadataOf(row),
      })),
      { statements: [move] },
    );
    return rows.length;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const wait = await this.step().then(
        (copied) => (copied === BATCH ? 0 : IDLE_MS),
        (error: unknown) => {
          // Another core was faster: it moved the checkpoint too, and the next look begins there.
          if (!(error instanceof VersionConflict)) this.logger.warn('audit entries wait', { error });
          return RETRY_MS;
        },
      );
      if (wait > 0) await restFor(wait, signal);
    }
  }
}

function metadataOf({ id, at, actor_id: actorId, ip }: AuditRow): EventMetadata {
  const none = { sessionId: null, tokenId: null, causationId: null };
  return { actorId, ip, ...none, commandId: id, correlationId: id, at: at.toISOString() };
}
