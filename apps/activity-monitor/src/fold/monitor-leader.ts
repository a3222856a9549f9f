import type { Kysely } from 'kysely';
import { once } from 'node:events';
import { STREAMS, SUBJECTS, watchEventSchema, type WatchEvent } from '#contracts';
import type { Broker, Fact, Following } from '#messaging';
import type { Logger } from '#platform';
import { raiseManyRefusals, raiseManyRefusedRequests } from '../alarms/refusals-many.js';
import { raiseRefusedSignIns } from '../alarms/refused-sign-ins.js';
import { raiseWeakenedSettings } from '../alarms/settings-weakened.js';
import { raiseCutOffAlarms, recordConfirmations } from '../cut-off/confirm-cut-offs.js';
import type { Heartbeats } from '../cut-off/heartbeats.js';
import { resendCutOffs } from '../cut-off/resend-cut-offs.js';
import { followFromCheckpoint, type FollowerOptions } from './checkpointed-follower.js';
import { fillInFromLog } from './fill-in.js';
import { foldEvents } from './fold-events.js';
import { eventsFolded } from './fold-metrics.js';
import { OneAtATime } from './one-at-a-time.js';
import { relayOutbox } from './outbox-relay.js';
import { recurring, type Recurring } from './recurring.js';

const RELAY_EVERY_MS = 500;
const CUT_OFF_EVERY_MS = 200;
const REFUSALS_EVERY_MS = 2_000;
const SELF_CHECK_EVERY_MS = 60_000;

export interface LeaderParts {
  readonly db: Kysely<unknown>;
  readonly broker: Broker;
  readonly heartbeats: Heartbeats;
  readonly logger: Logger;
}

/** The work of the one monitor that leads, until the signal aborts or another instance has moved a checkpoint. */
export async function leadMonitor(parts: LeaderParts, signal: AbortSignal): Promise<void> {
  const fenced = new AbortController();
  const stopping = AbortSignal.any([signal, fenced.signal]);
  const tasks = startTasks(parts, stopping);
  const followings = new Set<Following>();
  try {
    for (const follower of followers(parts, tasks, () => fenced.abort())) followings.add(await followFromCheckpoint(follower));
    if (!stopping.aborted) await once(stopping, 'abort');
  } finally {
    fenced.abort();
    await Promise.all([...followings].map((following) => following.stop()));
    await tasks.ended;
  }
}

interface Tasks {
  /** Whatever folds or raises alarms. */
  readonly oneAtATime: OneAtATime;
  readonly relay: Recurring;
  readonly cutOffs: Recurring;
  readonly ended: Promise<unknown>;
}

function startTasks({ db, broker, heartbeats, logger }: LeaderParts, signal: AbortSignal): Tasks {
  const oneAtATime = new OneAtATime();
  const failed = (task: string) => (error: unknown) => logger.warn('a task of the monitor failed', { task, error });
  // Without the broker nothing can go out; what stands in the outbox waits for it.
  const publish = async (): Promise<void> => {
    if (!broker.isConnected) return;
    while ((await relayOutbox(db, broker)) > 0) cutOffs.wake();
  };
  const relay = recurring(publish, RELAY_EVERY_MS, signal, failed('relay'));
  const cutOffs = recurring(
    async () => {
      if ((await oneAtATime.run(() => raiseCutOffAlarms(db, heartbeats.gateways()))) > 0) relay.wake();
    },
    CUT_OFF_EVERY_MS,
    signal,
    failed('cut-offs'),
  );
  const refusals = recurring(
    async () => {
      for (const raise of [raiseManyRefusals, raiseManyRefusedRequests, raiseRefusedSignIns])
        if ((await oneAtATime.run(() => raise(db))) > 0) relay.wake();
    },
    REFUSALS_EVERY_MS,
    signal,
    failed('refusals'),
  );
  const selfCheck = recurring(
    async () => {
      const filled = await oneAtATime.run(() => fillInFromLog(db));
      if (filled > 0) logger.warn('folded from the disclosure log what the stream did not bring', { events: filled });
      const resent = await resendCutOffs(db);
      if (resent > 0) logger.warn('cut-offs that core has not recorded go out again', { cutOffs: resent });
      relay.wake();
    },
    SELF_CHECK_EVERY_MS,
    signal,
    failed('self-check'),
  );
  return { oneAtATime, relay, cutOffs, ended: Promise.all([relay, cutOffs, refusals, selfCheck].map((task) => task.ended)) };
}

/** Checkpoint and event of everything that can make a protection weaker: settings, and roles that let full numbers be seen. */
const WEAKENING_EVENTS = [
  ['settings', 'SecuritySettingsChanged'],
  ['roles-created', 'RoleCreated'],
  ['roles-changed', 'RoleChanged'],
] as const;

function followers({ db, broker, logger }: LeaderParts, tasks: Tasks, onFenceLost: () => void): readonly FollowerOptions[] {
  const wakeRelay = (): void => tasks.relay.wake();
  const common = { db, broker, onFenceLost, oneAtATime: tasks.oneAtATime };
  return [
    {
      ...{ ...common, name: 'watch', stream: STREAMS.watch.name, onFolded: wakeRelay },
      fold: async (trx, facts) => {
        eventsFolded.inc(await foldEvents(trx, eventsOf(facts, logger)));
      },
    },
    {
      ...{ ...common, name: 'cut-offs', stream: STREAMS.access.name, filterSubject: SUBJECTS.cutoffApplied },
      onFolded: () => tasks.cutOffs.wake(),
      fold: recordConfirmations,
    },
    ...WEAKENING_EVENTS.map(([name, type]) => ({
      ...{ ...common, name, stream: STREAMS.crm.name, onFolded: wakeRelay },
      filterSubject: SUBJECTS.crmEvent(type),
      fold: raiseWeakenedSettings,
    })),
  ];
}

/** The events of a batch. What is none is left out: the log has the truth, and the self-check folds from there. */
function eventsOf(facts: readonly Fact[], logger: Logger): readonly WatchEvent[] {
  return facts.flatMap((fact) => {
    const parsed = watchEventSchema.safeParse(fact.payload);
    if (parsed.success) return [parsed.data];
    logger.warn('a watch event is not as the contract has it', { sequence: fact.sequence });
    return [];
  });
}
