import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { setTimeout as sleep } from 'node:timers/promises';
import { performance } from 'node:perf_hooks';
import { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { STREAMS, SUBJECTS, watchPartition, type WatchEvent } from '#contracts';
import { Secret } from '#kernel';
import { connectBroker, provisionStreams, publishFacts, type Broker } from '#messaging';
import { createLogger, createPool, kyselyOf } from '#platform';
import { OneAtATime } from '../../apps/activity-monitor/src/fold/one-at-a-time.js';
import { PartitionFolder } from '../../apps/activity-monitor/src/fold/partition-folder.js';
import { withClient } from '../../deploy/src/database-roles.js';
import { answerWith } from '../child-process.js';
import type { Round } from '../rounds.js';

const HOUR_MS = 3_600_000;
const BATCH = 500;
const CARDS = Array.from({ length: 2_000 }, () => uuidv7());
const logger = createLogger({ service: 'activity-monitor', instance: 'bench', level: 'error' });

interface Opened {
  readonly natsUrl: string;
  readonly users: Readonly<Record<'core' | 'gateway' | 'monitor', { readonly user: string; readonly password: string }>>;
  readonly monitorUrl: string;
  readonly superuserUrl: string;
  readonly people: readonly string[];
}

let opened: Opened;
let core: Broker;
let gateway: Broker;
let monitor: Broker;

async function open(given: Opened): Promise<void> {
  opened = given;
  const connectAs = ({ user, password }: Opened['users']['core']): Promise<Broker> =>
    connectBroker({ url: given.natsUrl, user, password: new Secret(password), name: `bench-${user}` });
  core = await connectAs(given.users.core);
  gateway = await connectAs(given.users.gateway);
  monitor = await connectAs(given.users.monitor);
  const { watch } = STREAMS;
  await provisionStreams(core, [{ ...watch, maxAgeMs: 24 * HOUR_MS, duplicateWindowMs: 60_000 }]);
}

/** Writes so many views of cards, of all people in turn, into the log and publishes them. Not part of what is measured. */
async function publishViews(count: number): Promise<void> {
  for (let done = 0; done < count; done += 5_000) {
    const views = Array.from({ length: Math.min(5_000, count - done) }, (_, index) => viewOf(done + index));
    await logViews(views);
    const facts = views.map((view) => ({
      ...{ subject: SUBJECTS.watchEvent(watchPartition(view.userId), view.type), msgId: view.id, payload: view },
    }));
    if ((await publishFacts(gateway, facts)) !== facts.length) throw new Error('the broker did not take the views');
  }
}

/** As the gate writes them: the monitor folds what stands in the log. */
async function logViews(views: readonly WatchEvent[]): Promise<void> {
  await withClient(opened.monitorUrl, (client) =>
    client.query(
      `INSERT INTO watch.disclosures
         (id, at, user_id, is_admin, epoch, measure, kind, subject_type, subject_ids, amount, masked, request_id, session_id, ip)
       SELECT v.id, v.at, v."userId", v."isAdmin", v.epoch, v.measure, v.kind, v."subjectType", ARRAY[(v."subjectIds"->>0)::uuid], 1, v.masked,
         v."sessionId", v."sessionId", v.ip
       FROM jsonb_to_recordset($1::jsonb) AS v(id uuid, at timestamptz, "userId" uuid, "isAdmin" boolean, epoch integer, measure text, kind text,
         "subjectType" text, "subjectIds" jsonb, masked boolean, "sessionId" uuid, ip text)`,
      [JSON.stringify(views)],
    ),
  );
}

function viewOf(serial: number): WatchEvent {
  const userId = opened.people[serial % opened.people.length] as string;
  const subjectIds = [CARDS[(serial * 37) % CARDS.length] as string];
  return {
    ...{ id: uuidv7(), type: 'card.viewed', at: new Date().toISOString(), userId, isAdmin: false, epoch: 1 },
    ...{ measure: 'contact.opened', kind: 'card', subjectType: 'contact', subjectIds, namedContactIds: [], masked: true },
    ...{ sessionId: uuidv7(), tokenId: null, ip: '192.0.2.1', limits: [], refusedBy: null, held: false },
  };
}

/** One monitor's folding, from its checkpoints until all of them are committed. */
async function fold({ events }: { readonly events: number }): Promise<Round> {
  await publishViews(events);
  const pool = createPool({ connectionString: new Secret(opened.monitorUrl), max: 4, applicationName: 'bench', logger });
  const db = kyselyOf<unknown>(pool);
  const folded = async (): Promise<number> => {
    const { rows } = await pool.query<{ count: number }>('SELECT count(*)::integer AS count FROM monitor.folded');
    return rows[0]?.count ?? 0;
  };
  const before = await folded();
  const stopping = new AbortController();
  const startedAt = performance.now();
  const parts = { db, broker: monitor, logger, instance: `bench-${uuidv7()}`, oneAtATime: new OneAtATime() };
  const folder = new PartitionFolder({ ...parts, onFolded: () => undefined, onTaken: () => undefined }, stopping.signal);
  while ((await folded()) - before < events) await sleep(5);
  const took = performance.now() - startedAt;
  stopping.abort();
  await folder.ended();
  await db.destroy();
  return { perSecond: (events / took) * 1000, p50: took, p99: took };
}

/** The same messages read from the stream, each batch one INSERT of what they say. */
async function consume({ events }: { readonly events: number }): Promise<Round> {
  const pool = new Pool({ connectionString: opened.superuserUrl, max: 1 });
  await pool.query(`CREATE TABLE IF NOT EXISTS raw_folds (id uuid PRIMARY KEY, at timestamptz NOT NULL, user_id uuid NOT NULL,
    measure text NOT NULL, subject_id uuid NOT NULL)`);
  const manager = await jetstreamManager(monitor.connected);
  const { state } = await manager.streams.info(STREAMS.watch.name);
  await publishViews(events);
  const startedAt = performance.now();
  const consumer = await jetstream(monitor.connected).consumers.get(STREAMS.watch.name, { opt_start_seq: state.last_seq + 1 });
  const messages = await consumer.consume({ max_messages: 2 * BATCH });
  let batch: WatchEvent[] = [];
  let done = 0;
  for await (const message of messages) {
    batch.push(message.json<WatchEvent>());
    if (batch.length < BATCH && done + batch.length < events) continue;
    await pool.query({
      name: 'fold',
      text: 'INSERT INTO raw_folds SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::text[], $5::uuid[])',
      values: [
        ...[batch.map(({ id }) => id), batch.map(({ at }) => at), batch.map(({ userId }) => userId)],
        ...[batch.map(({ measure }) => measure), batch.map(({ subjectIds }) => subjectIds[0])],
      ],
    });
    done += batch.length;
    batch = [];
    if (done >= events) break;
  }
  const took = performance.now() - startedAt;
  messages.stop();
  await pool.end();
  return { perSecond: (events / took) * 1000, p50: took, p99: took };
}

answerWith({ open, fold, consume });
