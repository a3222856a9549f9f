import type { Kysely } from 'kysely';
import { once } from 'node:events';
import { STREAMS, SUBJECTS } from '#contracts';
import type { Broker, Following } from '#messaging';
import type { Logger } from '#platform';
import { raiseEmptiedRecords, recordChangedSchema } from '../alarms/emptied-records.js';
import { raiseHidingRewinds, rewindStartedSchema } from '../alarms/hiding-rewinds.js';
import { addUpRefusals, raiseManyRefusals } from '../alarms/refusals-many.js';
import { ClockWatch } from '../alarms/moved-clock.js';
import { raiseSealingStopped } from '../alarms/sealing-stopped.js';
import { FIRST_LOOK_BACK, raiseRefusedSignIns } from '../alarms/refused-sign-ins.js';
import { raiseWeakenedSettings, settingsChangedSchema } from '../alarms/settings-weakened.js';
import { alarmOfUnread } from '../alarms/unread-facts.js';
import { watchPatterns } from '../baselines/watch-patterns.js';
import { confirmationSchema, raiseCutOffAlarms, recordConfirmations } from '../cut-off/confirm-cut-offs.js';
import type { Heartbeats } from '../cut-off/heartbeats.js';
import { resendCutOffs } from '../cut-off/resend-cut-offs.js';
import { followFromCheckpoint } from './checkpointed-follower.js';
import type { OneAtATime } from './one-at-a-time.js';
import { recurring, type Recurring } from './recurring.js';

const CUT_OFF_EVERY_MS = 200;
const REFUSALS_EVERY_MS = 2_000;
const RESEND_EVERY_MS = 60_000;
const PATTERNS_EVERY_MS = 10_000;

export interface LeaderParts {
  readonly db: Kysely<unknown>;
  readonly broker: Broker;
  readonly heartbeats: Heartbeats;
  readonly logger: Logger;
  /** Shared with everything else in this process that folds or raises alarms. */
  readonly oneAtATime: OneAtATime;
  /** Publishes what is raised here. */
  readonly relay: Recurring;
}

/**
 * What only one monitor does at a time, until the signal aborts or another instance has moved a checkpoint: alarms of cut-offs and of
 * many refusals, and the streams that are not cut into partitions of people.
 */
export async function leadMonitor(parts: LeaderParts, signal: AbortSignal): Promise<void> {
  const fenced = new AbortController();
  const stopping = AbortSignal.any([signal, fenced.signal]);
  const tasks = startTasks(parts, stopping);
  const followings = new Set<Following>();
  try {
    for (const begin of followers(parts, tasks, () => fenced.abort())) followings.add(await begin());
    if (!stopping.aborted) await once(stopping, 'abort');
  } finally {
    fenced.abort();
    await Promise.all([...followings].map((following) => following.stop()));
    await tasks.ended;
  }
}

interface Tasks {
  readonly cutOffs: Recurring;
  readonly ended: Promise<unknown>;
}

function startTasks({ db, heartbeats, logger, oneAtATime, relay }: LeaderParts, signal: AbortSignal): Tasks {
  const failed = (task: string) => (error: unknown) => logger.warn('a task of the monitor failed', { task, error });
  const cutOffs = recurring(
    async () => {
      if ((await oneAtATime.run(() => raiseCutOffAlarms(db, heartbeats.gateways()))) > 0) relay.wake();
    },
    CUT_OFF_EVERY_MS,
    signal,
    failed('cut-offs'),
  );
  const clock = new ClockWatch(db);
  let signInsBack: string | undefined = FIRST_LOOK_BACK;
  const refusals = recurring(
    async () => {
      if ((await oneAtATime.run(() => clock.look())) > 0) relay.wake();
      await addUpRefusals(db);
      if ((await oneAtATime.run(() => raiseManyRefusals(db))) > 0) relay.wake();
      if ((await oneAtATime.run(() => raiseRefusedSignIns(db, signInsBack))) > 0) relay.wake();
      signInsBack = undefined;
      if ((await oneAtATime.run(() => raiseSealingStopped(db, heartbeats.sealing()))) > 0) relay.wake();
    },
    REFUSALS_EVERY_MS,
    signal,
    failed('refusals'),
  );
  const resending = recurring(
    async () => {
      const resent = await resendCutOffs(db);
      if (resent > 0) logger.warn('cut-offs that core has not recorded go out again', { cutOffs: resent });
      relay.wake();
    },
    RESEND_EVERY_MS,
    signal,
    failed('resending'),
  );
  const patterns = recurring(
    async () => {
      if ((await watchPatterns({ db, alarming: (raise) => oneAtATime.run(raise) })) > 0) relay.wake();
    },
    PATTERNS_EVERY_MS,
    signal,
    failed('patterns'),
  );
  return { cutOffs, ended: Promise.all([cutOffs, refusals, resending, patterns].map((task) => task.ended)) };
}

/**
 * Checkpoint and event of everything that can make a protection weaker: settings, roles that let full numbers be seen, administrators,
 * counts that begin anew, and what gateways wrote down.
 */
const WEAKENING_EVENTS = [
  ['settings', 'SecuritySettingsChanged'],
  ['roles-created', 'RoleCreated'],
  ['roles-changed', 'RoleChanged'],
  ['users-created', 'UserCreated'],
  ['users-invited', 'UserInvited'],
  ['users-changed', 'UserChanged'],
  ['users-reactivated', 'UserReactivated'],
  ['departments-changed', 'DepartmentChanged'],
  ['department-roles-changed', 'DepartmentRolesChanged'],
  ['audit-recorded', 'AuditRecorded'],
] as const;

/** Checkpoint and event of everything that can take numbers and addresses away. */
const EMPTYING_EVENTS = [
  ['contacts-changed', 'ContactChanged'],
  ['companies-changed', 'CompanyChanged'],
] as const;

/** Begins a follower; the type of its facts is its own affair. */
type Begin = () => Promise<Following>;

function followers(
  { db, broker, oneAtATime, relay, logger }: LeaderParts,
  tasks: Tasks,
  onFenceLost: () => void,
): readonly Begin[] {
  const common = { db, broker, onFenceLost, oneAtATime, logger };
  const ofLog = { ...common, stream: STREAMS.crm.name, onFolded: (): void => relay.wake() };
  return [
    () =>
      followFromCheckpoint({
        ...{ ...common, name: 'cut-offs', stream: STREAMS.access.name, filterSubject: SUBJECTS.cutoffApplied },
        onFolded: () => tasks.cutOffs.wake(),
        ...{ schema: confirmationSchema, fold: recordConfirmations },
      }),
    () =>
      followFromCheckpoint({
        ...{ ...ofLog, name: 'rewinds-started', filterSubject: SUBJECTS.crmEvent('RewindStarted') },
        ...{ schema: rewindStartedSchema, fold: raiseHidingRewinds },
        foldUnread: alarmOfUnread('mass.deletion', 'A rewind was started, and how much it hides is not known'),
      }),
    ...EMPTYING_EVENTS.map(
      ([name, type]) =>
        () =>
          followFromCheckpoint({
            ...{ ...ofLog, name, filterSubject: SUBJECTS.crmEvent(type) },
            ...{ schema: recordChangedSchema, fold: raiseEmptiedRecords },
            foldUnread: alarmOfUnread('mass.deletion', 'Records were changed, and what was taken away is not known'),
          }),
    ),
    ...WEAKENING_EVENTS.map(
      ([name, type]) =>
        () =>
          followFromCheckpoint({
            ...{ ...ofLog, name, filterSubject: SUBJECTS.crmEvent(type) },
            ...{ schema: settingsChangedSchema, fold: raiseWeakenedSettings },
            foldUnread: alarmOfUnread(
              'settings.weakened',
              'Settings or rights were changed, and whether they are weaker is not known',
            ),
          }),
    ),
  ];
}
